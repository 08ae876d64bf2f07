#include "access/key_record.h"

#include <algorithm>

#include "base/format.h"
#include "base/timestamp.h"

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
      return fail(invalid(formatted("'{}' is no scope: write {}", text, kScopeRule)));
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

std::string time_text(WallTime at) {
  return formatted("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(at));
}

std::optional<WallTime> parse_time(std::string_view text) {
  constexpr std::size_t kDay = 10;
  return parse_timestamp(text.size() == kDay ? std::string(text) + "T00:00:00Z"
                                             : std::string(text));
}

Principal principal_of(const KeyRecord& record) {
  return {.key_id = record.id,
          .name = record.name,
          .tenant = record.tenant,
          .scopes = record.scopes,
          .ceiling = record.ceiling};
}

}  // namespace sluice::access
