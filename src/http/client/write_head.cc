#include <algorithm>
#include <array>
#include <charconv>

#include "base/format.h"
#include "http/client/call.h"

namespace sluice::http {

namespace {
bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 7> kOurs{
      "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Upgrade", "Expect"};
  return std::ranges::any_of(kOurs, [&](std::string_view own) { return iequals(own, name); });
}

bool wants_length(Method method) {
  return method == Method::kPost || method == Method::kPut || method == Method::kPatch;
}
}  // namespace

bool is_idempotent(Method method) {
  switch (method) {
    case Method::kGet:
    case Method::kHead:
    case Method::kOptions:
    case Method::kPut:
    case Method::kDelete:
      return true;
    case Method::kPost:
    case Method::kPatch:
    case Method::kOther:
      break;
  }
  return false;
}

Result<std::string> write_head(const ClientRequest& request, const std::string& authority) {
  if (request.method == Method::kOther) return fail(invalid("a request needs a known method"));
  if (!request.target.starts_with('/') ||
      std::ranges::any_of(request.target, [](unsigned char c) { return c <= ' ' || c >= 127; })) {
    return fail(
        invalid(formatted("'{}' cannot be the target of a request: '/' and printable "
                          "ASCII without spaces",
                          request.target)));
  }
  std::string head;
  head.reserve(192 + request.target.size() + request.headers.fields().size() * 48);
  head.append(to_string(request.method)).append(1, ' ').append(request.target);
  head.append(" HTTP/1.1\r\nHost: ").append(authority).append("\r\n");
  for (const auto& [name, value] : request.headers.fields()) {
    if (!is_token(name) || !is_field_value(value)) {
      return fail(
          invalid(formatted("the header field '{}' cannot be sent: its name or value is "
                            "outside the grammar",
                            name)));
    }
    if (is_ours(name)) {
      return fail(invalid(formatted("the header field '{}' is set by the client itself", name)));
    }
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (body_size(request) > 0 || wants_length(request.method)) {
    std::array<char, 24> digits;
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), body_size(request));
    head.append("Content-Length: ").append(digits.data(), end).append("\r\n");
  }
  head.append("\r\n");
  return head;
}

}  // namespace sluice::http
