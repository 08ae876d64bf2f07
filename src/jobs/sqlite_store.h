// The embedded store: jobs in an SQLite database beside the process.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "base/time.h"
#include "base/uuid.h"
#include "jobs/store.h"

namespace sluice::jobs {

struct SqliteStoreOptions {
  std::filesystem::path file;
  JobPolicy policy;
  std::size_t readers = 2;           // threads
  std::size_t queue_limit = 16'384;  // changes, and as many questions, that wait
  Duration tend_every = std::chrono::milliseconds(100);  // how exact delays and leases are
  // The file turned out to be damaged: once, on a thread of the store's.
  std::function<void(const Error&)> on_damage{};
};

// Opens or makes the file, which no other process may use (the state folder's lock sees to that).
// Accepted means on disk: WAL, synchronous=FULL, many changes in one commit. `timers` is where it
// wakes up to tend to the queues; `random` (one thread uses it) is where ids come from. All three
// outlive the store, which is destroyed when nobody calls it any more, not from `timers`.
//
// A damaged file is kInternal and is left as it is; one of a later version kConflict. Of one that
// is found damaged later nothing is read or written any more, but by restore(): all else is
// kUnavailable.
Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteStoreOptions& options,
                                                 const Clock& clock, Executor& timers,
                                                 RandomBytes& random);

}  // namespace sluice::jobs
