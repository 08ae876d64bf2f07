#include "redis/command.h"

#include <array>
#include <charconv>

namespace sluice::redis {

namespace {
void write_count(std::string& out, char kind, std::size_t count) {
  std::array<char, 24> text;
  text[0] = kind;
  char* end = std::to_chars(text.data() + 1, text.data() + text.size(), count).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(text.data(), end);
}
}  // namespace

Command& Command::add(std::string_view argument) {
  write_count(encoded_, '$', argument.size());
  encoded_.append(argument);
  encoded_.append("\r\n", 2);
  ++count_;
  return *this;
}

Command& Command::add_number(std::int64_t number) {
  std::array<char, 24> text;
  const char* end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return add(std::string_view(text.data(), end));
}

void Command::write_to(std::string& out) const {
  write_count(out, '*', count_);
  out.append(encoded_);
}

}  // namespace sluice::redis
