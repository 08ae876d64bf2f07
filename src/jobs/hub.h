// Hands the store's news on to those in this process who wait for them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/function.h"
#include "jobs/store.h"
#include "runtime/executor.h"

namespace sluice::jobs {

// Any thread. Outlives the store (or is taken from it before) and all watches.
class Hub final : public News {
 public:
  // Waits for one job. Giving it up: on the executor on which it was made, after which the function
  // is not called any more.
  class Watch {
   public:
    Watch() = default;
    ~Watch() { stop(); }
    Watch(Watch&& other) noexcept { *this = std::move(other); }
    Watch& operator=(Watch&& other) noexcept {
      stop();
      hub_ = std::exchange(other.hub_, nullptr);
      entry_ = std::move(other.entry_);
      return *this;
    }
    void stop();

   private:
    friend class Hub;
    struct Entry;
    Hub* hub_ = nullptr;
    std::shared_ptr<Entry> entry_;
  };

  // `changed` runs on `home`, each time there may be news of the job: look then. Ask the store
  // after this has returned, not before.
  [[nodiscard]] Watch watch(std::string id, Executor& home, std::function<void()> changed);

  // Those who take jobs; for as long as the hub lives. Must not block.
  struct Listener {
    std::function<void(std::string_view callable)> ready;
    std::function<void(const JobChange&)> changed;
    std::function<void()> gap;
  };
  // Before the store is told of the hub.
  void add_listener(Listener listener) { listeners_.push_back(std::move(listener)); }

  void on_ready(std::string_view callable) override;
  void on_change(const JobChange& change) override;
  void on_gap() override;

 private:
  static void tell(const std::shared_ptr<Watch::Entry>& entry);

  std::vector<Listener> listeners_;
  std::mutex mutex_;
  std::unordered_multimap<std::string, std::shared_ptr<Watch::Entry>> watches_;  // by job
};

}  // namespace sluice::jobs
