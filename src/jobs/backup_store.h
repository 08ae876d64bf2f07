// Copies of all jobs, made and taken back while they are in use.
#pragma once

#include <filesystem>

#include "base/function.h"
#include "base/result.h"
#include "runtime/executor.h"

namespace sluice::jobs {

// Any thread; as Store's functions.
class BackupStore {
 public:
  using Done = std::move_only_function<void(Result<>)>;

  // Writes all that there is at one moment into a new file. kConflict when it is there already.
  virtual void back_up(Executor& home, std::filesystem::path to, Done done) = 0;
  // Makes the store hold what the file holds, once that has been found sound, and nothing else:
  // what was accepted since the backup is gone. It happens as a whole or not; meanwhile changes
  // wait, and those who work on jobs that are not there any more are told to stop. The file may be
  // changed (one of an earlier version is brought up to this one). kInvalid for what is no backup.
  virtual void restore(Executor& home, std::filesystem::path from, Done done) = 0;

 protected:
  ~BackupStore() = default;
};

}  // namespace sluice::jobs
