#include "redis/endpoint.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"

namespace sluice::redis {

namespace {
constexpr std::string_view kUnix = "unix:";

std::unexpected<Error> wrong(std::string_view text) {
  return fail(invalid(formatted(
      "'{}' is no address of a server: host:port, [IPv6]:port or unix:/path/of.sock", text)));
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '%';
  });
}
}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    if (!path.starts_with('/')) return wrong(text);
    return Endpoint{.socket_path = std::string(path)};
  }
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return wrong(text);
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (!rest.starts_with(':') || rest.size() == 1)) return wrong(text);
    if (!rest.empty()) port = rest.substr(1);
    if (!host.contains(':')) return wrong(text);
  } else if (std::ranges::count(text, ':') == 1) {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return wrong(text);
  }
  if (!is_host(host)) return wrong(text);
  Endpoint endpoint{.host = std::string(host), .port = default_port};
  if (port.empty()) return endpoint;
  const char* last = port.data() + port.size();
  const auto [end, error] = std::from_chars(port.data(), last, endpoint.port);
  if (error != std::errc() || end != last || endpoint.port == 0) return wrong(text);
  return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
  if (!endpoint.socket_path.empty()) return formatted("unix:{}", endpoint.socket_path);
  return endpoint.host.contains(':') ? formatted("[{}]:{}", endpoint.host, endpoint.port)
                                     : formatted("{}:{}", endpoint.host, endpoint.port);
}

}  // namespace sluice::redis
