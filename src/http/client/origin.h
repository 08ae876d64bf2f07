// Whom the client talks to.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "http/client/address.h"
#include "http/client/url.h"
#include "http/tls_context.h"

namespace sluice::http {

// Connections are shared among the requests to one origin. A plain value.
struct Origin {
  std::string host;         // for Host and the certificate; empty for a Unix socket
  std::uint16_t port = 80;  // 0 for a Unix socket
  std::string socket_path;
  TlsContextPtr tls;               // null: plain HTTP
  std::optional<Address> address;  // go there, whatever the host resolves to
  std::string authority;           // what goes into Host
  std::string server_name{};       // what the certificate must be for; empty: the host

  // `tls` is used for https only.
  static Origin of(const Url& url, TlsContextPtr tls = nullptr);
  bool operator==(const Origin&) const = default;
};

// "http://service_setosa:8000", with the address where it is fixed: for messages and logs.
std::string to_string(const Origin& origin);

struct OriginHash {
  std::size_t operator()(const Origin& origin) const {
    const std::size_t name =
        std::hash<std::string>()(origin.socket_path.empty() ? origin.host : origin.socket_path);
    return name * 31 + origin.port;
  }
};

}  // namespace sluice::http
