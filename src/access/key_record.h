// A key as it is kept: everything but the key itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/digest.h"
#include "access/quota.h"
#include "access/rate.h"
#include "base/time.h"
#include "inference/principal.h"
#include "inference/service_class_name.h"

namespace sluice::access {

// In all of one source; beyond them making another is refused.
inline constexpr std::size_t kMaxKeys = 10'000;
inline constexpr std::size_t kMaxKeyNameBytes = 64;

struct KeyRecord {
  std::string id;    // unique, and never used again
  std::string name;  // unique among keys that are not revoked
  Digest digest{};
  std::string tenant;
  Scopes scopes;
  ServiceClass ceiling = ServiceClass::kRealtime;
  std::optional<Rate> rate;
  std::optional<Quota> quota;
  WallTime created{};
  std::optional<WallTime> expires;
  std::optional<WallTime> revoked;

  [[nodiscard]] bool expired(WallTime now) const { return expires && now >= *expires; }
  [[nodiscard]] bool usable(WallTime now) const { return !revoked && !expired(now); }
  bool operator==(const KeyRecord&) const = default;
};

// Of names, ids and tenants: letters, digits and "-_.", at most kMaxKeyNameBytes.
bool is_key_name(std::string_view text);
inline constexpr std::string_view kKeyNameRule = "1 to 64 letters, digits and -_.";

// Each is "callables=NAME,NAME", "jobs", "work" or "admin". The error says what would be right.
inline constexpr std::string_view kScopeRule =
    "callables=NAME,NAME.. (or callables=*), jobs, work or admin";
Result<Scopes> parse_scopes(const std::vector<std::string>& texts);
std::vector<std::string> to_strings(const Scopes& scopes);

// RFC 3339; written in UTC, to the second: 2026-11-26T01:00:00Z. Read also as a day, 2026-11-26.
std::string time_text(WallTime at);
std::optional<WallTime> parse_time(std::string_view text);

// What its caller gets by it.
Principal principal_of(const KeyRecord& record);

}  // namespace sluice::access
