#include "redis/server_use.h"

#include <charconv>

#include "base/format.h"

namespace sluice::redis {

namespace {
// What stands at the front of the text.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}
}  // namespace

ServerUse read_use(std::string_view info, std::uint32_t database) {
  ServerUse use;
  const std::string keys_of = formatted("db{}:keys=", database);
  while (!info.empty()) {
    const auto end = info.find('\n');
    const std::string_view line = info.substr(0, end);
    info = end == std::string_view::npos ? std::string_view() : info.substr(end + 1);
    const auto after = [&](std::string_view name, std::optional<std::uint64_t>& to) {
      if (line.starts_with(name)) to = number(line.substr(name.size()));
    };
    after("used_memory:", use.memory_bytes);
    after("expired_keys:", use.expired_keys);
    if (line.starts_with("# Keyspace")) use.keys = 0;
    after(keys_of, use.keys);
  }
  return use;
}

}  // namespace sluice::redis
