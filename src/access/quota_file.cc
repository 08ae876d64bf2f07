#include "access/quota_file.h"

#include <algorithm>

#include "base/file.h"
#include "base/format.h"
#include "base/state_folder.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::access {

namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kMaxBytes = std::size_t{16} * 1024 * 1024;
constexpr std::chrono::seconds kLongestLock{5};

using Used = QuotaCounter::Used;

Result<UsedQuotas> parse(std::string_view text) {
  if (text.empty()) return fail(invalid("the file is empty"));
  json::Reader reader;
  const auto root = reader.parse_copy(text);
  if (!root) return fail(root.error());
  std::uint64_t format = 0;
  if ((*root)["format"].get(format) != simdjson::SUCCESS || format != kFormat) {
    return fail(invalid(formatted("format: expected {}", kFormat)));
  }
  simdjson::dom::object entries;
  if ((*root)["used"].get(entries) != simdjson::SUCCESS) {
    return fail(invalid("used: expected an object of keys"));
  }
  UsedQuotas used;
  for (const auto [id, entry] : entries) {
    std::string_view period_name;
    std::uint64_t count = 0;
    const bool read = entry["period"].get(period_name) == simdjson::SUCCESS &&
                      entry["count"].get(count) == simdjson::SUCCESS;
    const auto period = read ? parse_period(period_name) : std::nullopt;
    if (!period) {
      return fail(
          invalid(formatted("used.{}: expected a period such as 2026-11-26 or 2026-11 and a "
                            "count, got {}",
                            id, json::excerpt(entry))));
    }
    used.insert_or_assign(std::string(id), Used{*period, count});
  }
  return used;
}

}  // namespace

Result<UsedQuotas> parse_quota_file(std::string_view text, std::string_view file) {
  auto used = parse(text);
  if (!used) {
    return fail(
        invalid(formatted("{}: {}; it is left as it is: repair it, or take it away to "
                          "start counting anew",
                          file, used.error().message)));
  }
  return used;
}

std::string quota_file_text(const UsedQuotas& used) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().field("format", kFormat);
  writer.key("used").begin_object();
  for (const auto& [id, each] : used) {
    writer.key(id)
        .begin_object()
        .field("period", to_string(each.period))
        .field("count", each.count)
        .end_object();
  }
  writer.end_object().end_object();
  out += '\n';
  return out;
}

void adopt_quotas(const UsedQuotas& file, std::vector<CountedQuota>& counted) {
  for (CountedQuota& each : counted) {
    const auto entry = file.find(each.key_id);
    if (entry == file.end() || entry->second.period.period != each.period) {
      each.merged = {};
      continue;
    }
    const Used& seen = entry->second;
    const std::uint64_t known =
        each.merged.period == seen.period ? std::min(each.merged.count, seen.count) : 0;
    each.counter->add(seen.period, seen.count - known);
    each.merged = seen;
  }
}

bool contribute_quotas(UsedQuotas& file, const std::vector<CountedQuota>& counted, WallTime now) {
  bool changed = std::erase_if(file, [&](const auto& entry) {
                   const PeriodNumber period = entry.second.period;
                   return period_at(period.period, now).number > period.number;
                 }) > 0;
  for (const CountedQuota& each : counted) {
    const Used mine = each.counter->used();
    if (mine.count == 0 || mine.period.period != each.period) continue;
    const auto [entry, added] = file.try_emplace(each.key_id, mine);
    changed = changed || added || entry->second != mine;
    entry->second = mine;
  }
  return changed;
}

Result<UsedQuotas> QuotaFile::load() const {
  const std::filesystem::path path = folder_ / "quota.json";
  const auto text = read_file(path, kMaxBytes);
  if (text) return parse_quota_file(*text, path.string());
  if (text.error().code == ErrorCode::kNotFound) return UsedQuotas();
  return fail(text.error());
}

Result<> QuotaFile::merge(std::vector<CountedQuota>& counted, WallTime now) const {
  const bool to_write = std::ranges::any_of(counted, [](const CountedQuota& each) {
    const Used mine = each.counter->used();
    return mine.count > 0 && mine != each.merged;
  });
  if (!to_write) {
    // What others wrote is whole at any moment, so reading it needs no lock.
    auto file = load();
    if (!file) return fail(file.error());
    adopt_quotas(*file, counted);
    return {};
  }
  if (auto made = make_state_folder(folder_); !made) return made;
  const auto lock = FileLock::take(folder_ / "quota.lock", kLongestLock);
  if (!lock) return fail(lock.error());
  auto file = load();
  if (!file) return fail(file.error());
  adopt_quotas(*file, counted);
  if (!contribute_quotas(*file, counted, now)) return {};
  if (auto wrote = write_file(folder_ / "quota.json", quota_file_text(*file)); !wrote) return wrote;
  for (CountedQuota& each : counted) {
    if (const auto entry = file->find(each.key_id); entry != file->end()) {
      each.merged = entry->second;
    }
  }
  return {};
}

}  // namespace sluice::access
