#include "redis/reply.h"

#include <charconv>

namespace sluice::redis {

std::optional<std::int64_t> Reply::number() const {
  if (kind_ == Kind::kInteger) return integer();
  if (!is_text()) return std::nullopt;
  const std::string_view digits = text();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

const Reply& Reply::operator[](std::size_t index) const {
  static const Reply nil;
  const auto all = items();
  return index < all.size() ? all[index] : nil;
}

Reply& Reply::append(Reply item) {
  if (!is_array()) *this = Reply(std::vector<Reply>());
  return std::get<std::vector<Reply>>(value_).emplace_back(std::move(item));
}

std::string_view to_string(Reply::Kind kind) {
  switch (kind) {
    case Reply::Kind::kNil:
      return "nil";
    case Reply::Kind::kInteger:
      return "an integer";
    case Reply::Kind::kStatus:
      return "a status";
    case Reply::Kind::kText:
      return "a text";
    case Reply::Kind::kError:
      return "an error";
    case Reply::Kind::kArray:
      return "an array";
  }
  return "nil";
}

}  // namespace sluice::redis
