// Which calls run together, and when: a pure structure with neither thread nor clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "backends/onnx/options.h"
#include "base/time.h"

namespace sluice::onnx {

// Calls of one key run together. A batch is ready when it has max_rows, when the next call would
// take it over max_rows, or when its first call has waited max_wait (or cannot wait that long). One
// owner, one thread.
class BatchPolicy {
 public:
  using Id = std::uint64_t;
  using Batch = std::vector<Id>;  // in the order of arrival

  explicit BatchPolicy(const BatchingOptions& options) : options_(options) {}

  struct Added {
    std::vector<Batch> ready;
    // The batch it stands in is due earlier than any wake-up asked for so far: call take_due()
    // then.
    std::optional<TimePoint> wake;
  };
  // `rows` is at most max_rows. The call must begin to run at `latest`.
  Added add(Id call, const std::string& key, std::size_t rows, TimePoint now, TimePoint latest);
  // False for a call that no longer waits.
  bool remove(Id call);
  std::vector<Batch> take_due(TimePoint now);
  [[nodiscard]] std::size_t waiting() const { return keys_.size(); }
  [[nodiscard]] bool full() const { return waiting() >= options_.max_calls_waiting; }

 private:
  struct Entry {
    Id call;
    std::size_t rows;
  };
  struct Group {
    std::vector<Entry> entries;
    std::size_t rows = 0;
    TimePoint due = TimePoint::max();
  };
  using Groups = std::map<std::string, Group>;
  Batch take(Groups::iterator group);

  const BatchingOptions options_;
  Groups groups_;
  std::unordered_map<Id, std::string> keys_;  // of the calls that wait
};

}  // namespace sluice::onnx
