// What kind of server one has connected to, and what it may lose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/reply.h"

namespace sluice::redis {

// The least major version, of Redis and of Valkey.
inline constexpr int kLeastVersion = 7;

// What a server said of itself when it was connected to; what it would not tell (by its ACL) is
// left out. A plain value.
struct ServerFacts {
  std::string product;  // "redis", "valkey"
  std::string version;  // "7.0.15"
  std::string mode;     // "standalone", "sentinel", "cluster"
  std::string role;     // "master", "replica"
  std::int64_t client_id = 0;
  bool loading = false;  // it reads its data set after a start, and answers nothing yet

  std::optional<std::string> maxmemory_policy{};  // "noeviction", "allkeys-lru", ...
  std::optional<std::uint64_t> maxmemory{};       // bytes; 0 for no limit
  std::optional<bool> appendonly{};
  std::optional<std::string> appendfsync{};  // "always", "everysec", "no"
  std::optional<std::string> save{};         // "3600 1 300 100"; empty for no snapshots

  [[nodiscard]] int major_version() const;  // -1 when the version cannot be read
  // Why it may lose what should be durable, a sentence each; empty when it is set up to keep it.
  // For a warning at start.
  [[nodiscard]] std::vector<std::string> concerns() const;

  bool operator==(const ServerFacts&) const = default;
};

// Each reads what it knows out of a reply, and leaves the rest as it is.
void read_hello(const Reply& reply, ServerFacts& facts);    // HELLO 2
void read_info(std::string_view text, ServerFacts& facts);  // INFO
void read_config(const Reply& reply, ServerFacts& facts);   // CONFIG GET

}  // namespace sluice::redis
