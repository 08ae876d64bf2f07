// The options made ready for use: addresses parsed, TLS files loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/secret.h"
#include "http/client/origin.h"
#include "redis/endpoint.h"
#include "redis/options.h"

namespace sluice::redis {

// Who logs in.
struct Login {
  std::string username;  // empty: the default user
  config::Secret password;
  std::string client_name;
  std::uint32_t database = 0;
};

// Immutable, shared by the connections of all threads.
struct Settings {
  // kInvalid when an address or a file cannot be used.
  static Result<std::shared_ptr<const Settings>> from(const RedisOptions& options);

  // The same server, reached as `endpoint`: for what a Sentinel tells.
  [[nodiscard]] http::Origin server_at(const Endpoint& endpoint) const;

  RedisOptions options;
  Login login;
  http::TlsContextPtr tls;
  std::optional<http::Origin> server;  // none where Sentinels tell it
  Login sentinel_login;
  std::vector<http::Origin> sentinels;
};
using SettingsPtr = std::shared_ptr<const Settings>;

// "redis:6379", for messages.
std::string name_of(const http::Origin& origin);

}  // namespace sluice::redis
