#include "redis/server_facts.h"

#include <charconv>

#include "base/format.h"

namespace sluice::redis {

namespace {
std::optional<std::uint64_t> unsigned_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The names in INFO.
void read_info_line(std::string_view name, std::string_view value, ServerFacts& facts) {
  if (name == "maxmemory_policy") facts.maxmemory_policy = value;
  if (name == "maxmemory") facts.maxmemory = unsigned_number(value);
  if (name == "aof_enabled") facts.appendonly = value == "1";
  if (name == "loading") facts.loading = value == "1";
}
}  // namespace

int ServerFacts::major_version() const {
  int major = -1;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), major);
  return error == std::errc() ? major : -1;
}

std::vector<std::string> ServerFacts::concerns() const {
  std::vector<std::string> all;
  if (!maxmemory_policy) {
    all.emplace_back(
        "the server does not tell its maxmemory-policy: any but noeviction lets it delete what was "
        "accepted");
  } else if (*maxmemory_policy != "noeviction") {
    all.push_back(formatted(
        "maxmemory-policy is {}: when memory is short the server deletes what was accepted; set "
        "noeviction",
        *maxmemory_policy));
  }
  if (appendonly.value_or(false)) {
    if (appendfsync == "no") {
      all.emplace_back(
          "appendfsync is no: a crash of the machine loses what the kernel had not written; set "
          "everysec (at most a second is lost) or always (nothing)");
    }
    return all;
  }
  if (!appendonly && !save) {
    all.emplace_back(
        "the server does not tell whether it keeps its data over a restart; appendonly yes does");
  } else if (save && save->empty()) {
    all.emplace_back(
        "neither appendonly nor snapshots are on: a restart of the server loses everything; set "
        "appendonly yes");
  } else {
    all.emplace_back(
        "appendonly is no: a crash of the server loses what came after the last snapshot, minutes "
        "of "
        "it; set appendonly yes");
  }
  return all;
}

void read_hello(const Reply& reply, ServerFacts& facts) {
  for (std::size_t i = 0; i + 1 < reply.size(); i += 2) {
    const std::string_view name = reply[i].text();
    const Reply& value = reply[i + 1];
    if (name == "server") facts.product = value.text();
    if (name == "version") facts.version = value.text();
    if (name == "mode") facts.mode = value.text();
    if (name == "role") facts.role = value.text() == "slave" ? "replica" : value.text();
    if (name == "id") facts.client_id = value.integer();
  }
}

void read_info(std::string_view text, ServerFacts& facts) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || line.starts_with('#')) continue;
    read_info_line(line.substr(0, colon), line.substr(colon + 1), facts);
  }
}

void read_config(const Reply& reply, ServerFacts& facts) {
  for (std::size_t i = 0; i + 1 < reply.size(); i += 2) {
    const std::string_view name = reply[i].text();
    const std::string_view value = reply[i + 1].text();
    if (name == "maxmemory-policy") facts.maxmemory_policy = value;
    if (name == "maxmemory") facts.maxmemory = unsigned_number(value);
    if (name == "appendonly") facts.appendonly = value == "yes";
    if (name == "appendfsync") facts.appendfsync = value;
    if (name == "save") facts.save = value;
  }
}

}  // namespace sluice::redis
