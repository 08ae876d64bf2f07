// How a Redis or Valkey server is reached: the section `stores.redis` of the configuration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/describe.h"
#include "config/node.h"
#include "config/secret.h"

namespace sluice::redis {

// TLS is used where this stands. An empty path means: none.
struct TlsOptions {
  std::filesystem::path ca;
  bool verify = true;
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::string server_name;  // empty: the host of the address
};

// Several Sentinels that know which server is the master now.
struct SentinelOptions {
  std::vector<std::string> addresses;
  std::string master = "mymaster";
  std::string username;
  config::Secret password;  // empty: none
  std::optional<TlsOptions> tls;
};

struct ReconnectOptions {
  Duration first = std::chrono::milliseconds(50);
  Duration most = std::chrono::seconds(2);
};

struct RedisOptions {
  std::string address;  // empty: 127.0.0.1:6379, or whom the Sentinels name
  std::string username;
  config::Secret password;  // empty: none
  std::uint32_t database = 0;
  std::string client_name = "sluice";
  std::optional<TlsOptions> tls;
  std::optional<SentinelOptions> sentinel;

  Duration connect_timeout = std::chrono::seconds(2);
  Duration command_timeout = std::chrono::seconds(2);
  Duration response_timeout = std::chrono::seconds(5);
  Duration probe_every = std::chrono::seconds(1);
  ReconnectOptions reconnect;

  std::size_t max_in_flight = 10'000;               // of one connection
  std::size_t max_queued_bytes = 64 * 1024 * 1024;  // the same
  std::size_t max_reply_bytes = 128 * 1024 * 1024;

  config::Node where;
};

void describe(config::Fields<TlsOptions>& f);
void describe(config::Fields<SentinelOptions>& f);
void describe(config::Fields<ReconnectOptions>& f);
void describe(config::Fields<RedisOptions>& f);
void validate(const TlsOptions& o, config::Problems& p, const config::Node& at);
void validate(const SentinelOptions& o, config::Problems& p, const config::Node& at);
void validate(const ReconnectOptions& o, config::Problems& p, const config::Node& at);
void validate(const RedisOptions& o, config::Problems& p, const config::Node& at);

}  // namespace sluice::redis
