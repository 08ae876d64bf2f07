#include "app/keys_command.h"

#include <algorithm>
#include <print>

#include "access/key_file.h"
#include "app/options.h"
#include "base/format.h"
#include "base/state_folder.h"
#include "config/units.h"
#include "http/json/writer.h"

namespace sluice::app {

namespace {

using access::KeyFile;
using access::KeyRecord;

int told(std::string_view command, const Error& error) {
  std::println(stderr, "sluice keys {}: {}", command, error.message);
  return 1;
}

Result<std::filesystem::path> folder_of(const KeysPlace& place) {
  std::filesystem::path configured = place.state_dir.value_or("");
  if (place.config) {
    config::Problems problems;
    const auto read = read_configuration(place.config, problems);
    // What is wrong elsewhere in the file is no reason not to revoke a key.
    if (!read || !problems.were_read(read->options.where, {"state_dir"})) {
      return fail(problems.to_error());
    }
    configured = read->options.state_dir;
  }
  return find_state_folder(configured, process_variables());
}

// Takes what `parse` makes of an option that is given.
template <class To, class Parse>
Result<> take(const std::optional<std::string>& given, std::string_view option, const Parse& parse,
              To& to) {
  if (!given) return {};
  const std::string& text = *given;
  const auto parsed = parse(text);
  if constexpr (requires { parsed.error(); }) {
    if (!parsed) {
      return fail(
          invalid(formatted("{}: expected {}, got '{}'", option, parsed.error().message, text)));
    }
  } else if (!parsed) {
    return fail(invalid(formatted("{}: '{}' is none", option, text)));
  }
  to = *parsed;
  return {};
}

Result<std::string> key_name(const std::string& text) {
  if (access::is_key_name(text)) return text;
  return fail(invalid(std::string(access::kKeyNameRule)));
}

Result<ServiceClass> service_class(const std::string& text) {
  if (const auto parsed = parse_service_class(text)) return *parsed;
  return fail(invalid("realtime or best_effort"));
}

Result<KeyRecord> record_of(const NewKey& wanted, WallTime now) {
  KeyRecord record;
  const auto expiry = [&](const std::string& text) -> Result<WallTime> {
    if (const auto at = access::parse_time(text)) return *at;
    if (const auto in = config::parse_duration(text)) {
      return std::chrono::ceil<std::chrono::seconds>(now + *in);
    }
    return fail(invalid("a time such as 2027-01-01T00:00:00Z, a day, or a duration such as 90d"));
  };
  auto ok = take(wanted.name, "--name", key_name, record.name);
  record.tenant = record.name;
  if (ok) ok = take(wanted.tenant, "--tenant", key_name, record.tenant);
  if (ok) ok = take(wanted.ceiling, "--class", service_class, record.ceiling);
  if (ok) ok = take(wanted.rate, "--rate", access::parse_rate, record.rate);
  if (ok) ok = take(wanted.quota, "--quota", access::parse_quota, record.quota);
  if (ok) ok = take(wanted.expires, "--expires", expiry, record.expires);
  if (!ok) return fail(ok.error());
  if (record.expires && *record.expires <= now) {
    return fail(invalid("--expires: that is over already"));
  }
  auto scopes = access::parse_scopes(wanted.scopes.empty() ? std::vector<std::string>{"callables=*"}
                                                           : wanted.scopes);
  if (!scopes) return fail(invalid("--scope: " + scopes.error().message));
  record.scopes = std::move(*scopes);
  return record;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) {
    if (!all.empty()) all += ' ';
    all += text;
  }
  return all.empty() ? "-" : all;
}

std::string state_of(const KeyRecord& key, WallTime now) {
  if (key.revoked) return "revoked " + access::time_text(*key.revoked);
  if (key.expired(now)) return "expired " + access::time_text(*key.expires);
  return key.expires ? "until " + access::time_text(*key.expires) : "active";
}

std::string limits_of(const KeyRecord& key) {
  std::vector<std::string> limits;
  if (key.rate) limits.push_back(to_string(*key.rate));
  if (key.quota) limits.push_back(to_string(*key.quota));
  if (key.ceiling != ServiceClass::kRealtime) limits.emplace_back(to_string(key.ceiling));
  return joined(limits);
}

}  // namespace

int create_key(const KeysPlace& place, const NewKey& wanted) {
  const WallTime now = SystemClock().wall();
  const auto record = record_of(wanted, now);
  if (!record) return told("create", record.error());
  const auto folder = folder_of(place);
  if (!folder) return told("create", folder.error());
  if (const auto made = make_state_folder(*folder); !made) return told("create", made.error());
  const KeyFile file(*folder);
  std::string text;
  KeyRecord stored;
  const auto done = file.change([&](std::vector<KeyRecord>& keys) -> Result<> {
    auto added = access::add_key(keys, *record, now, access::kernel_secrets());
    if (!added) return fail(added.error());
    text = std::move(*added);
    stored = keys.back();
    return {};
  });
  if (!done) return told("create", done.error());
  std::println(stderr, "The key {} ({}) of tenant {} is in {}. It is shown this once:", stored.name,
               stored.id, stored.tenant, file.path().string());
  std::println("{}", text);
  return 0;
}

int list_keys(const KeysPlace& place, bool as_json) {
  const auto folder = folder_of(place);
  if (!folder) return told("list", folder.error());
  const KeyFile file(*folder);
  const auto keys = file.load();
  if (!keys) return told("list", keys.error());
  if (as_json) {
    std::print("{}", access::key_file_text(*keys));
    return 0;
  }
  if (keys->empty()) {
    std::println(stderr, "There are no keys in {}.", file.path().string());
    return 0;
  }
  const WallTime now = SystemClock().wall();
  std::println("{:<8}  {:<20} {:<16} {:<30} {:<24} {}", "ID", "NAME", "TENANT", "SCOPES", "LIMITS",
               "STATE");
  for (const KeyRecord& key : *keys) {
    std::println("{:<8}  {:<20} {:<16} {:<30} {:<24} {}", key.id, key.name, key.tenant,
                 joined(access::to_strings(key.scopes)), limits_of(key), state_of(key, now));
  }
  return 0;
}

int revoke_key(const KeysPlace& place, const std::string& id_or_name) {
  const auto folder = folder_of(place);
  if (!folder) return told("revoke", folder.error());
  const KeyFile file(*folder);
  const auto known = file.load();  // no lock file where there is no folder
  if (!known) return told("revoke", known.error());
  KeyRecord revoked;
  const WallTime now = SystemClock().wall();
  const auto revoke = [&](std::vector<KeyRecord>& keys) -> Result<> {
    auto done = access::revoke_key(keys, id_or_name, now);
    if (!done) return fail(done.error());
    revoked = std::move(*done);
    return {};
  };
  const auto done = known->empty()
                        ? Result<>(fail(not_found("there are no keys in " + file.path().string())))
                        : file.change(revoke);
  if (!done) return told("revoke", done.error());
  std::println("The key {} ({}) is revoked.", revoked.name, revoked.id);
  return 0;
}

}  // namespace sluice::app
