#include "redis/settings.h"

#include <utility>

namespace sluice::redis {

namespace {
constexpr std::string_view kDefaultAddress = "127.0.0.1:6379";

http::Origin origin_of(const Endpoint& endpoint, const http::TlsContextPtr& tls,
                       const std::optional<TlsOptions>& options) {
  return {.host = endpoint.host,
          .port = endpoint.port,
          .socket_path = endpoint.socket_path,
          .tls = tls,
          .authority = to_string(endpoint),
          .server_name = options ? options->server_name : std::string()};
}

Result<http::TlsContextPtr> context_of(const std::optional<TlsOptions>& tls) {
  if (!tls) return http::TlsContextPtr();
  return http::TlsContext::client({.ca_file = tls->ca.string(),
                                   .verify = tls->verify,
                                   .certificate_file = tls->certificate.string(),
                                   .key_file = tls->key.string(),
                                   .alpn = false});
}
}  // namespace

Result<SettingsPtr> Settings::from(const RedisOptions& options) {
  auto made = std::make_shared<Settings>();
  made->options = options;
  made->login = {.username = options.username,
                 .password = options.password,
                 .client_name = options.client_name,
                 .database = options.database};
  auto tls = context_of(options.tls);
  if (!tls) return fail(tls.error());
  made->tls = std::move(*tls);
  if (!options.sentinel) {
    const auto endpoint =
        parse_endpoint(options.address.empty() ? kDefaultAddress : options.address, kServerPort);
    if (!endpoint) return fail(endpoint.error());
    made->server = made->server_at(*endpoint);
    return made;
  }
  const SentinelOptions& sentinel = *options.sentinel;
  auto sentinel_tls = context_of(sentinel.tls);
  if (!sentinel_tls) return fail(sentinel_tls.error());
  made->sentinel_login = {.username = sentinel.username,
                          .password = sentinel.password,
                          .client_name = options.client_name};
  for (const std::string& address : sentinel.addresses) {
    const auto endpoint = parse_endpoint(address, kSentinelPort);
    if (!endpoint) return fail(endpoint.error());
    made->sentinels.push_back(origin_of(*endpoint, *sentinel_tls, sentinel.tls));
  }
  return made;
}

http::Origin Settings::server_at(const Endpoint& endpoint) const {
  return origin_of(endpoint, tls, options.tls);
}

std::string name_of(const http::Origin& origin) {
  return origin.authority;
}

}  // namespace sluice::redis
