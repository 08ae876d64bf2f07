// The addresses of services, as they are written in a configuration.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::http {

// http://host[:port][/path], https://..., or http+unix://%2Frun%2Fa.sock[/path] (the path of the
// socket percent-encoded in the place of the host). No user names, no fragment. Host names may have
// underscores, as compose files use them; IPv6 addresses stand in brackets.
struct Url {
  enum class Scheme : std::uint8_t { kHttp, kHttps, kUnix };
  Scheme scheme = Scheme::kHttp;
  std::string host;         // lower case, without brackets; empty for kUnix
  std::uint16_t port = 80;  // 443 for kHttps unless given; 0 for kUnix
  std::string socket_path;  // of kUnix
  std::string path;         // begins with '/' or is empty; no slash at the end; may have a query

  bool operator==(const Url&) const = default;
};

// kInvalid with the URL, what is wrong and what would be right.
Result<Url> parse_url(std::string_view text);
std::string to_string(const Url& url);
// What goes into Host: "service_setosa:8000", "[::1]", "localhost" for a Unix socket.
std::string authority_of(const Url& url);

}  // namespace sluice::http
