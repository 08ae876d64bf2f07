#include "backends/onnx/batch_policy.h"

#include <algorithm>
#include <utility>

namespace sluice::onnx {

BatchPolicy::Added BatchPolicy::add(Id call, const std::string& key, std::size_t rows,
                                    TimePoint now, TimePoint latest) {
  Added added;
  auto at = groups_.find(key);
  if (at != groups_.end() && at->second.rows + rows > options_.max_rows) {
    added.ready.push_back(take(at));
    at = groups_.end();
  }
  if (at == groups_.end()) at = groups_.emplace(key, Group{}).first;
  Group& group = at->second;
  group.entries.push_back({call, rows});
  group.rows += rows;
  keys_.emplace(call, key);
  const TimePoint due = std::max(now, std::min(now + options_.max_wait, latest));
  if (group.rows >= options_.max_rows || due <= now) {
    added.ready.push_back(take(at));
  } else if (due < group.due) {
    group.due = due;
    added.wake = due;
  }
  return added;
}

BatchPolicy::Batch BatchPolicy::take(Groups::iterator group) {
  Batch batch;
  batch.reserve(group->second.entries.size());
  for (const Entry& entry : group->second.entries) {
    batch.push_back(entry.call);
    keys_.erase(entry.call);
  }
  groups_.erase(group);
  return batch;
}

bool BatchPolicy::remove(Id call) {
  const auto key = keys_.find(call);
  if (key == keys_.end()) return false;
  const auto at = groups_.find(key->second);
  Group& group = at->second;
  const auto entry = std::ranges::find(group.entries, call, &Entry::call);
  group.rows -= entry->rows;
  group.entries.erase(entry);
  if (group.entries.empty()) groups_.erase(at);
  keys_.erase(key);
  return true;
}

std::vector<BatchPolicy::Batch> BatchPolicy::take_due(TimePoint now) {
  std::vector<Batch> due;
  for (auto at = groups_.begin(); at != groups_.end();) {
    const auto group = at++;
    if (group->second.due <= now) due.push_back(take(group));
  }
  return due;
}

}  // namespace sluice::onnx
