// Jobs in this process: their store, and the worker that runs them.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>

#include "api/jobs/later.h"
#include "app/options.h"
#include "base/uuid.h"
#include "gateway/gateway.h"
#include "jobs/consumer.h"
#include "jobs/desk.h"
#include "jobs/queue_gauges.h"
#include "jobs/report.h"
#include "jobs/webhook_sender.h"
#include "runtime/io_threads.h"
#include "services/async_iris/codec.h"
#include "telemetry/log.h"
#include "telemetry/request_metrics.h"

namespace sluice::app {

// Does any listener take jobs, or does this process run them for others?
bool uses_jobs(const Options& options);

// Main thread, but for desk(), which any thread may use. The worker has a thread of its own, which
// is its calls' home: a long run of short jobs holds no connection up.
class JobSystem {
 public:
  struct Services {
    gateway::Gateway& gateway;
    const Clock& clock;
    telemetry::Instruments& instruments;
    telemetry::Log& log;
    http::Resolver& resolver;
  };
  JobSystem(Services services, const Options& all);
  // Waits until the worker has accounted for all that it has.
  ~JobSystem();
  JobSystem(const JobSystem&) = delete;
  JobSystem& operator=(const JobSystem&) = delete;

  // Opens the store; before that, and when it cannot be had, all who ask for a job are told why,
  // and the rest of the process serves on. Before anything is served.
  void open(const Options& options);
  // Its threads' loops stay there for as long as this is held: a call that was told to stop has its
  // answer, and yet what ran it may post to its home once more.
  [[nodiscard]] std::shared_ptr<const void> loops() const { return thread_; }
  [[nodiscard]] bool is_open() const { return thread_ != nullptr; }
  [[nodiscard]] const jobs::Desk& desk() const { return *desk_; }

  // Takes jobs of these callables from now on, if this process is to run any. `routes` makes those
  // by which calls are made that were to be answered later, for a thread's view.
  using MakeRoutes = std::function<api::jobs::LaterRoutesPtr(gateway::LocalGateway&)>;
  void consume(const Options& options, const MakeRoutes& routes);
  // Takes no more; those that run go on.
  void drain();
  [[nodiscard]] bool idle() const {
    return (running_ == nullptr || drained_.load()) && (webhooks_ == nullptr || told_.load());
  }
  // What still runs is stopped, and goes back to the queue.
  void abort();

 private:
  struct Running;  // the worker's thread and what lives on it
  class Lock;      // of the state folder
  void make_desk();
  void start_thread();
  void start_webhooks();
  Result<std::unique_ptr<jobs::Store>> open_embedded(const Options& options);
  Result<std::unique_ptr<jobs::Store>> open_redis(const Options& options);

  Services services_;
  jobs::JobsOptions options_;
  async_iris::OptionsByCallable classifiers_;
  jobs::CodecMakers codecs_;
  SystemRandom random_;
  std::unique_ptr<Lock> lock_;
  std::filesystem::path folder_;  // of the store
  jobs::Hub hub_;
  std::shared_ptr<IoThreads> thread_;  // and a second one, where a store needs it
  std::unique_ptr<jobs::Store> store_;
  std::unique_ptr<jobs::Desk> desk_;
  std::unique_ptr<jobs::QueueGauges> gauges_;  // of the thread
  std::unique_ptr<Running> running_;
  std::atomic<bool> drained_ = false;
  std::unique_ptr<jobs::WebhookSender> webhooks_;  // of the thread
  std::atomic<bool> told_ = false;                 // what it was sending has ended
};

}  // namespace sluice::app
