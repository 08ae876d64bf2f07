// How much of a server is used, as it says itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::redis {

// What it would not tell is left out. A plain value.
struct ServerUse {
  std::optional<std::uint64_t> memory_bytes;  // used_memory
  std::optional<std::uint64_t> keys;          // of the one database
  std::optional<std::uint64_t> expired_keys;  // of all databases, since the server started
  bool operator==(const ServerUse&) const = default;
};

// From the sections memory, stats and keyspace of INFO. A database without keys is not in there.
ServerUse read_use(std::string_view info, std::uint32_t database);

}  // namespace sluice::redis
