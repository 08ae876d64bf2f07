// What the scripts of the Redis store tell of, as text: a line for each change, "ID STATE ATTEMPT
// REVISION", "!CALLABLE" where something may be claimable, and "@" where a delivery is due.
#pragma once

#include <mutex>
#include <string_view>

#include "jobs/store.h"

namespace sluice::jobs {

// Hands it to a listener that may change. Any thread.
class NewsTeller {
 public:
  // When it returns, no call of the one before is under way.
  void set(News* news) {
    const std::scoped_lock lock(mutex_);
    news_ = news;
  }
  // Lines that are none are passed over.
  void tell(std::string_view text);
  void tell_ready(std::string_view callable);
  void tell_gap();

 private:
  std::mutex mutex_;
  News* news_ = nullptr;  // guarded by mutex_
};

}  // namespace sluice::jobs
