#include "access/key_record.h"

#include <algorithm>
#include <charconv>
#include <format>

namespace sluice::access {

namespace {

constexpr std::string_view kCallables = "callables=";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// A callable's name, or the beginning of one.
bool is_callable_pattern(std::string_view text) {
  if (text.ends_with('*')) text.remove_suffix(1);
  return text.find_first_of("*, ") == std::string_view::npos;
}

}  // namespace

bool is_key_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxKeyNameBytes &&
         std::ranges::all_of(text, is_name_character);
}

Result<Scopes> parse_scopes(const std::vector<std::string>& texts) {
  Scopes scopes;
  for (std::string_view text : texts) {
    const auto wrong = [&] {
      return fail(invalid(std::format("'{}' is no scope: write {}", text, kScopeRule)));
    };
    if (text == "jobs") {
      scopes.jobs = true;
    } else if (text == "work") {
      scopes.work = true;
    } else if (text == "admin") {
      scopes.admin = true;
    } else if (text.starts_with(kCallables)) {
      std::string_view rest = text.substr(kCallables.size());
      while (true) {
        const std::string_view name = rest.substr(0, rest.find(','));
        if (name.empty() || !is_callable_pattern(name)) return wrong();
        scopes.callables.emplace_back(name);
        if (name.size() == rest.size()) break;
        rest.remove_prefix(name.size() + 1);
      }
    } else {
      return wrong();
    }
  }
  return scopes;
}

std::vector<std::string> to_strings(const Scopes& scopes) {
  std::vector<std::string> texts;
  if (!scopes.callables.empty()) {
    std::string names(kCallables);
    for (const std::string& name : scopes.callables) {
      if (!names.ends_with('=')) names += ',';
      names += name;
    }
    texts.push_back(std::move(names));
  }
  if (scopes.jobs) texts.emplace_back("jobs");
  if (scopes.work) texts.emplace_back("work");
  if (scopes.admin) texts.emplace_back("admin");
  return texts;
}

std::string_view to_string(ServiceClass service_class) {
  return service_class == ServiceClass::kRealtime ? "realtime" : "best_effort";
}
std::optional<ServiceClass> parse_service_class(std::string_view text) {
  for (const ServiceClass each : {ServiceClass::kRealtime, ServiceClass::kBestEffort}) {
    if (text == to_string(each)) return each;
  }
  return std::nullopt;
}

std::string time_text(WallTime at) {
  return std::format("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(at));
}

std::optional<WallTime> parse_time(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t length) -> std::optional<unsigned> {
    unsigned value = 0;
    const char* const first = text.data() + at;
    const auto parsed = std::from_chars(first, first + length, value);
    if (parsed.ec != std::errc() || parsed.ptr != first + length) return std::nullopt;
    return value;
  };
  const bool day_only = text.size() == 10;
  if (!day_only && text.size() != 20) return std::nullopt;
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kForm[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != kForm[i]) return std::nullopt;
  }
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*number(0, 4))),
                                         std::chrono::month(*number(5, 2)),
                                         std::chrono::day(*number(8, 2)));
  // What nanoseconds can hold.
  if (!date.ok() || date.year() < std::chrono::year(1970) ||
      date.year() > std::chrono::year(2200)) {
    return std::nullopt;
  }
  WallTime at = std::chrono::sys_days(date);
  if (day_only) return at;
  const unsigned hour = *number(11, 2);
  const unsigned minute = *number(14, 2);
  const unsigned second = *number(17, 2);
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return at + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

Principal principal_of(const KeyRecord& record) {
  return {.key_id = record.id,
          .name = record.name,
          .tenant = record.tenant,
          .scopes = record.scopes,
          .ceiling = record.ceiling};
}

}  // namespace sluice::access
