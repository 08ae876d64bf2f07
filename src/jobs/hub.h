// Hands the store's news on to those in this process who wait for them.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
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

  // `changed` runs on `home`, each time there may be news of the job: look then, unless it has
  // ended and is shown. Ask the store after this has returned, not before.
  using Changed = std::function<void(const std::shared_ptr<const JobView>& ended)>;
  [[nodiscard]] Watch watch(std::string id, Executor& home, Changed changed);

  // Waits for jobs of some callables to take. As a Watch is given up; what it was told and did not
  // act on is then told to another.
  class QueueWatch {
   public:
    QueueWatch() = default;
    ~QueueWatch() { stop(); }
    QueueWatch(QueueWatch&& other) noexcept { *this = std::move(other); }
    QueueWatch& operator=(QueueWatch&& other) noexcept {
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

  // Each time there may be something to claim, one of those who watch the callable is told, in
  // turn: `ready` runs on `home`, and asks the store. Whoever then gets all that it asked for calls
  // pass_on(), since there may be more; so does who was told and gives up with its question open.
  [[nodiscard]] QueueWatch watch_queues(std::vector<std::string> callables, Executor& home,
                                        std::function<void()> ready);
  void pass_on(std::string_view callable);

  // The process is going to end: all who watch are told, and should answer those for whom they
  // wait.
  void end_waits();
  [[nodiscard]] bool ending() const { return ending_.load(); }

  // Those who take jobs; for as long as the hub lives. Must not block.
  struct Listener {
    std::function<void(std::string_view callable)> ready;
    std::function<void(const JobChange&)> changed;
    std::function<void()> gap;
    std::function<void()> delivery;
  };
  // Before the store is told of the hub.
  void add_listener(Listener listener) { listeners_.push_back(std::move(listener)); }

  void on_ready(std::string_view callable) override;
  void on_change(const JobChange& change) override;
  void on_gap() override;
  void on_delivery() override;

 private:
  using Waiting = std::deque<std::shared_ptr<QueueWatch::Entry>>;
  static void tell(const std::shared_ptr<Watch::Entry>& entry,
                   std::shared_ptr<const JobView> ended = {});
  static void tell(const std::shared_ptr<QueueWatch::Entry>& entry);
  void tell_all();

  std::vector<Listener> listeners_;
  std::mutex mutex_;
  std::unordered_multimap<std::string, std::shared_ptr<Watch::Entry>> watches_;  // by job
  std::map<std::string, Waiting, std::less<>> waiting_;                          // by callable
  std::atomic<bool> ending_ = false;
};

}  // namespace sluice::jobs
