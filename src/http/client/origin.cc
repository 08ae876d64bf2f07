#include "http/client/origin.h"

#include "base/format.h"

namespace sluice::http {

Origin Origin::of(const Url& url, TlsContextPtr tls) {
  Origin origin{.host = url.host,
                .port = url.port,
                .socket_path = url.socket_path,
                .authority = authority_of(url)};
  if (url.scheme == Url::Scheme::kHttps) origin.tls = std::move(tls);
  return origin;
}

std::string to_string(const Origin& origin) {
  if (!origin.socket_path.empty()) return "unix:" + origin.socket_path;
  std::string text =
      formatted("{}://{}", origin.tls == nullptr ? "http" : "https", origin.authority);
  if (origin.address && origin.address->ip() != origin.host) {
    text += formatted(" ({})", origin.address->ip());
  }
  return text;
}

}  // namespace sluice::http
