#include "access/options.h"

#include <set>

#include "config/fields.h"
#include "inference/service_class_options.h"

namespace sluice::access {

namespace {
std::string check_name(const std::string& text) {
  return is_key_name(text) ? "" : std::string(kKeyNameRule);
}
template <class Parsed>
std::string expectation(const Result<Parsed>& parsed) {
  return parsed ? "" : parsed.error().message;
}
}  // namespace

Result<std::optional<Rate>> parse_address_rate(std::string_view text) {
  if (text == "unlimited") return std::optional<Rate>();
  auto rate = parse_rate(text);
  if (!rate) return fail(invalid(rate.error().message + ", or unlimited"));
  return std::optional(*rate);
}

std::string check_address_rate(const std::string& text) {
  return expectation(parse_address_rate(text));
}

void describe(config::Fields<KeyOptions>& f) {
  f.about("access_key", "A key that is known by its SHA-256; see also `sluice keys`.");
  f.here(&KeyOptions::where);
  f.field("name", &KeyOptions::name, "What it is called in logs and metrics.")
      .required()
      .check(check_name);
  f.field("sha256", &KeyOptions::sha256, "The SHA-256 of the key, as 64 hexadecimal digits.")
      .required()
      .check([](const std::string& text) { return expectation(parse_digest(text)); });
  f.field("id", &KeyOptions::id, "Its public id, which owns jobs.")
      .check(check_name)
      .default_is("the first 12 digits of its SHA-256");
  f.field("tenant", &KeyOptions::tenant, "Whose it is.").check(check_name).default_is("its name");
  f.field("scopes", &KeyOptions::scopes,
          "What it may: callables=NAME,.. (NAME may end in *), jobs, work (leases), admin.")
      .entries(0, 100)
      .check([](const std::string& text) -> std::string {
        return parse_scopes({text}) ? "" : std::string(kScopeRule);
      });
  f.field("class", &KeyOptions::ceiling, "The best service class that its calls may have.");
  f.field("rate", &KeyOptions::rate, "How many requests, such as 100/1m; none: any number.")
      .check([](const std::string& text) { return expectation(parse_rate(text)); });
  f.field("quota", &KeyOptions::quota,
          "How many requests in a day or month (UTC), such as 10000/day; none: any number.")
      .check([](const std::string& text) { return expectation(parse_quota(text)); });
  f.field("expires", &KeyOptions::expires, "Until when it is good, such as 2027-01-01T00:00:00Z.")
      .check([](const std::string& text) -> std::string {
        return parse_time(text) ? "" : "a time such as 2027-01-01T00:00:00Z, or a day";
      });
}

void describe(config::Fields<AccessOptions>& f) {
  f.about("access", "Who may call, by API key.");
  f.field("required", &AccessOptions::required,
          "Whether a key is asked for, except of health and metrics.")
      .default_is("as soon as there is a key, where anything is listened on beyond loopback");
  f.field("keys", &AccessOptions::keys, "Keys beside those that `sluice keys` keeps in state_dir.")
      .entries(0, kMaxKeys);
  f.field(
       "addresses", &AccessOptions::addresses,
       "How many addresses each `rate_per_address` tells apart; beyond, the idlest is forgotten.")
      .range(1000, 10'000'000);
}

void validate(const AccessOptions& o, config::Problems& p, const config::Node&) {
  std::set<std::string> names;
  std::set<std::string> digests;
  std::set<std::string> ids;
  for (const KeyOptions& key : o.keys) {
    if (p.were_read(key.where, {"name"}) && !names.insert(key.name).second) {
      p.add(key.where.near("name"), "another key has this name");
    }
    if (p.were_read(key.where, {"sha256"}) && !digests.insert(key.sha256).second) {
      p.add(key.where.near("sha256"), "another key has the same");
    }
    if (key.id && p.were_read(key.where, {"id"}) && !ids.insert(*key.id).second) {
      p.add(key.where.near("id"), "another key has this id");
    }
  }
}

KeyRecord record_of(const KeyOptions& options) {
  constexpr std::size_t kIdDigits = 12;
  KeyRecord record;
  record.name = options.name;
  record.digest = parse_digest(options.sha256).value();
  record.id = options.id.value_or(options.sha256.substr(0, kIdDigits));
  record.tenant = options.tenant.value_or(options.name);
  record.scopes = parse_scopes(options.scopes).value();
  record.ceiling = options.ceiling;
  if (options.rate) record.rate = parse_rate(*options.rate).value();
  if (options.quota) record.quota = parse_quota(*options.quota).value();
  if (options.expires) record.expires = parse_time(*options.expires);
  return record;
}

}  // namespace sluice::access
