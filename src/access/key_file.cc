#include "access/key_file.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/format.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::access {

namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::chrono::seconds kLongestLock{5};

using simdjson::dom::element;

// One object of the list, read field by field; keeps the first thing that is wrong.
class RecordReader {
 public:
  RecordReader(const simdjson::dom::object& object, std::string place)
      : object_(object), place_(std::move(place)) {}

  Result<KeyRecord> read() {
    KeyRecord key;
    need("id", [&](std::string_view t) { return take(key.id, t, is_key_name(t)); }, kKeyNameRule);
    need(
        "name", [&](std::string_view t) { return take(key.name, t, is_key_name(t)); },
        kKeyNameRule);
    need(
        "sha256", [&](std::string_view t) { return take(key.digest, parse_digest(t)); },
        "64 lower-case hexadecimal digits");
    need(
        "tenant", [&](std::string_view t) { return take(key.tenant, t, is_key_name(t)); },
        kKeyNameRule);
    read_scopes(key.scopes);
    may(
        "class", [&](std::string_view t) { return take(key.ceiling, parse_service_class(t)); },
        "realtime or best_effort");
    may(
        "rate", [&](std::string_view t) { return take(key.rate, parse_rate(t)); },
        "a rate such as 100/1m");
    may(
        "quota", [&](std::string_view t) { return take(key.quota, parse_quota(t)); },
        "a quota such as 10000/day");
    constexpr std::string_view kTime = "a time such as 2026-11-26T01:00:00Z";
    need("created", [&](std::string_view t) { return take(key.created, parse_time(t)); }, kTime);
    may("expires", [&](std::string_view t) { return take(key.expires, parse_time(t)); }, kTime);
    may("revoked", [&](std::string_view t) { return take(key.revoked, parse_time(t)); }, kTime);
    for (const auto [name, value] : object_) {
      if (!known_.contains(name)) wrong(name, "this field is not known");
    }
    if (error_) return fail(std::move(*error_));
    return key;
  }

 private:
  template <class To>
  static bool take(To& to, std::string_view text, bool good) {
    if (good) to = text;
    return good;
  }
  template <class To, class From>
  static bool take(To& to, const From& parsed) {
    if (parsed) to = *parsed;
    return bool(parsed);
  }

  void wrong(std::string_view field, std::string_view what) {
    if (!error_) error_ = invalid(formatted("{}.{}: {}", place_, field, what));
  }
  template <class Take>
  void may(std::string_view field, const Take& take, std::string_view expected) {
    known_.insert(field);
    element value;
    if (object_[field].get(value) == simdjson::SUCCESS) check(field, value, take, expected);
  }
  template <class Take>
  void need(std::string_view field, const Take& take, std::string_view expected) {
    known_.insert(field);
    element value;
    if (object_[field].get(value) != simdjson::SUCCESS) return wrong(field, "it is missing");
    check(field, value, take, expected);
  }
  template <class Take>
  void check(std::string_view field, const element& value, const Take& take,
             std::string_view expected) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS || !take(text)) {
      wrong(field, formatted("expected {}, got {}", expected, json::excerpt(value)));
    }
  }

  void read_scopes(Scopes& scopes) {
    known_.insert("scopes");
    simdjson::dom::array list;
    if (object_["scopes"].get(list) != simdjson::SUCCESS) {
      return wrong("scopes", "expected a list of scopes");
    }
    std::vector<std::string> texts;
    for (const element each : list) {
      std::string_view text;
      if (each.get(text) != simdjson::SUCCESS) return wrong("scopes", "expected a list of texts");
      texts.emplace_back(text);
    }
    auto parsed = parse_scopes(texts);
    if (!parsed) return wrong("scopes", parsed.error().message);
    scopes = std::move(*parsed);
  }

  const simdjson::dom::object& object_;
  std::string place_;
  std::set<std::string_view> known_;
  std::optional<Error> error_;
};

// What of the list as a whole must hold.
Result<> check_unique(const std::vector<KeyRecord>& keys) {
  std::set<std::string_view> ids;
  std::set<std::string_view> names;
  std::set<Digest> digests;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto twice = [&](std::string_view field) {
      return fail(invalid(formatted("keys[{}].{}: another key has the same", i, field)));
    };
    if (!ids.insert(keys[i].id).second) return twice("id");
    if (!digests.insert(keys[i].digest).second) return twice("sha256");
    if (!keys[i].revoked && !names.insert(keys[i].name).second) return twice("name");
  }
  return {};
}

Result<std::vector<KeyRecord>> parse(std::string_view text) {
  if (text.empty()) return fail(invalid("the file is empty"));
  json::Reader reader;
  const auto root = reader.parse_copy(text);
  if (!root) return fail(root.error());
  std::uint64_t format = 0;
  if ((*root)["format"].get(format) != simdjson::SUCCESS) {
    return fail(invalid("format: expected the number of the file's format"));
  }
  if (format != kFormat) {
    return fail(invalid(formatted(
        "format: this is format {}, and this version of Sluice reads format {}", format, kFormat)));
  }
  simdjson::dom::array list;
  if ((*root)["keys"].get(list) != simdjson::SUCCESS) {
    return fail(invalid("keys: expected a list of keys"));
  }
  if (list.size() > kMaxKeys) return fail(invalid(formatted("keys: more than {}", kMaxKeys)));
  std::vector<KeyRecord> keys;
  for (const element each : list) {
    const std::string place = formatted("keys[{}]", keys.size());
    simdjson::dom::object object;
    if (each.get(object) != simdjson::SUCCESS) {
      return fail(invalid(formatted("{}: expected an object, got {}", place, json::excerpt(each))));
    }
    auto key = RecordReader(object, place).read();
    if (!key) return fail(std::move(key.error()));
    keys.push_back(std::move(*key));
  }
  if (const auto unique = check_unique(keys); !unique) return fail(unique.error());
  return keys;
}

// One key a line, for those who look at it with their eyes.
void append(std::string& out, const KeyRecord& key) {
  json::Writer writer(out);
  writer.begin_object()
      .field("id", key.id)
      .field("name", key.name)
      .field("sha256", hex(key.digest))
      .field("tenant", key.tenant);
  writer.key("scopes").begin_array();
  for (const std::string& scope : to_strings(key.scopes)) writer.value(scope);
  writer.end_array();
  if (key.ceiling != ServiceClass::kRealtime) writer.field("class", to_string(key.ceiling));
  if (key.rate) writer.field("rate", to_string(*key.rate));
  if (key.quota) writer.field("quota", to_string(*key.quota));
  writer.field("created", time_text(key.created));
  if (key.expires) writer.field("expires", time_text(*key.expires));
  if (key.revoked) writer.field("revoked", time_text(*key.revoked));
  writer.end_object();
}

}  // namespace

Result<std::vector<KeyRecord>> parse_key_file(std::string_view text, std::string_view file) {
  auto keys = parse(text);
  if (!keys) {
    return fail(
        invalid(formatted("{}: {}; it is left as it is: repair it, or put a copy in its place",
                          file, keys.error().message)));
  }
  return keys;
}

std::string key_file_text(const std::vector<KeyRecord>& keys) {
  std::string out = formatted("{{\"format\":{},\"keys\":[", kFormat);
  for (const KeyRecord& key : keys) {
    out += out.back() == '[' ? "\n" : ",\n";
    append(out, key);
  }
  out += "\n]}\n";
  return out;
}

Result<std::vector<KeyRecord>> KeyFile::load() const {
  const auto text = read_file(path_, kMaxKeyFileBytes);
  if (text) return parse_key_file(*text, path_.string());
  if (text.error().code == ErrorCode::kNotFound) return std::vector<KeyRecord>();
  return fail(text.error());
}

Result<> KeyFile::change(const Change& change) const {
  const auto lock = FileLock::take(lock_path_, kLongestLock);
  if (!lock) return fail(lock.error());
  auto keys = load();
  if (!keys) return fail(keys.error());
  if (auto done = change(*keys); !done) return done;
  return write_file(path_, key_file_text(*keys));
}

Result<std::string> add_key(std::vector<KeyRecord>& keys, KeyRecord wanted, WallTime now,
                            const SecretBytes& secrets) {
  if (keys.size() >= kMaxKeys) {
    return fail(ErrorCode::kExhausted, formatted("there are {} keys already", keys.size()));
  }
  const auto taken = std::ranges::find_if(
      keys, [&](const KeyRecord& key) { return !key.revoked && key.name == wanted.name; });
  if (taken != keys.end()) {
    return fail(ErrorCode::kConflict,
                formatted("there is a key named '{}' already, {}", taken->name, taken->id));
  }
  KeyText text = make_key_text(secrets);
  while (std::ranges::contains(keys, text.id, &KeyRecord::id)) text = make_key_text(secrets);
  wanted.id = text.id;
  wanted.digest = sha256(text.text);
  wanted.created = std::chrono::floor<std::chrono::seconds>(now);
  keys.push_back(std::move(wanted));
  return std::move(text.text);
}

Result<KeyRecord> revoke_key(std::vector<KeyRecord>& keys, std::string_view id_or_name,
                             WallTime now) {
  auto found = std::ranges::find(keys, id_or_name, &KeyRecord::id);
  if (found == keys.end()) {
    found = std::ranges::find_if(
        keys, [&](const KeyRecord& key) { return !key.revoked && key.name == id_or_name; });
  }
  if (found == keys.end()) {
    return fail(not_found(formatted("there is no key with the id or name '{}'", id_or_name)));
  }
  if (found->revoked) {
    return fail(ErrorCode::kConflict,
                formatted("the key {} was revoked at {}", found->id, time_text(*found->revoked)));
  }
  found->revoked = std::chrono::floor<std::chrono::seconds>(now);
  return *found;
}

}  // namespace sluice::access
