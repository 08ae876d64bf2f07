#include "http/kept_message.h"

namespace sluice::http {

std::string KeptMessage::to_text() const {
  std::string text = first_line + '\n';
  for (const auto& [name, value] : headers.fields()) {
    text.append(name).append(": ").append(value).append(1, '\n');
  }
  text += '\n';
  text += body;
  return text;
}

Result<KeptMessage> KeptMessage::read(std::string_view text) {
  const auto broken = [] { return fail(invalid("this is no kept request or answer")); };
  const auto line = [&](std::string_view& out) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    out = text.substr(0, end);
    text.remove_prefix(end + 1);
    return true;
  };
  KeptMessage message;
  std::string_view one;
  if (!line(one)) return broken();
  message.first_line = one;
  while (true) {
    if (!line(one)) return broken();
    if (one.empty()) break;
    const std::size_t colon = one.find(": ");
    if (colon == std::string_view::npos) return broken();
    message.headers.add(std::string(one.substr(0, colon)), std::string(one.substr(colon + 2)));
  }
  message.body = text;
  return message;
}

}  // namespace sluice::http
