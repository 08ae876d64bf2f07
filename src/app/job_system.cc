#include "app/job_system.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <future>

#include "api/jobs/job_json.h"
#include "api/open_inference/job_codec.h"
#include "api/openai/job_codec.h"
#include "app/redis_watch.h"
#include "base/entropy.h"
#include "base/format.h"
#include "jobs/call_runner.h"
#include "jobs/redis_store.h"
#include "jobs/refusing_store.h"
#include "jobs/sqlite_store.h"

namespace sluice::app {

namespace {
// What a server that gives no answer at all delays the start by.
constexpr std::chrono::milliseconds kFirstConnecting{1000};
}  // namespace

bool uses_jobs(const Options& options) {
  if (options.worker) return true;
  for (const ListenerOptions& listener : options.listeners) {
    for (const MountOptions& mount : listener.mounts) {
      if (std::holds_alternative<JobsMount>(mount.api) ||
          std::holds_alternative<async_iris::AsyncIrisOptions>(mount.api)) {
        return true;
      }
    }
  }
  return false;
}

// One process writes to a state folder: held until it ends, however that comes about.
class JobSystem::Lock {
 public:
  static Result<std::unique_ptr<Lock>> take(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "jobs.lock";
    const int fd = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
      return fail(unavailable(formatted("{} cannot be opened: {}", file.string(),
                                        std::generic_category().message(errno))));
    }
    auto lock = std::unique_ptr<Lock>(new Lock(fd));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      return fail(unavailable(
          formatted("the jobs in {} belong to another running process; give this one another "
                    "state_dir",
                    folder.string())));
    }
    return lock;
  }
  ~Lock() { ::close(fd_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_;
};

// In the order of making; the last three belong to the thread.
struct JobSystem::Running {
  gateway::LocalGateway& local;
  jobs::Report report;
  std::unique_ptr<jobs::Runner> calls;
  std::unique_ptr<api::jobs::LaterRunner> runner;
  std::unique_ptr<jobs::Consumer> consumer;
};

namespace {

// Copies of the store that a process left when it died.
void remove_leftovers(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("jobs-") && name.contains(".tmp")) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

std::string worker_name() {
  std::array<char, 64> host{};
  ::gethostname(host.data(), host.size() - 1);
  return formatted("{}:{}", host.data(), ::getpid());
}

// Runs it there and waits.
template <class F>
void on_thread(Executor& executor, F work) {
  std::promise<void> done;
  executor.post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace

JobSystem::JobSystem(Services services, const Options& all)
    : services_(services), options_(all.jobs) {
  codecs_.emplace("infer/1", api::open_inference::make_job_codec);
  codecs_.emplace("generate/1",
                  [&clock = services_.clock] { return api::openai::make_generate_codec(clock); });
  codecs_.emplace("complete/1",
                  [&clock = services_.clock] { return api::openai::make_complete_codec(clock); });
  codecs_.emplace("embed/1", api::openai::make_embed_codec);
  // A worker runs what others serve.
  for (const auto* listeners : {&all.listeners, &all.served_elsewhere}) {
    for (const ListenerOptions& listener : *listeners) {
      for (const MountOptions& mount : listener.mounts) {
        if (const auto* iris = std::get_if<async_iris::AsyncIrisOptions>(&mount.api)) {
          classifiers_.emplace(mount.target, *iris);
        }
      }
    }
  }
  codecs_.emplace(async_iris::kFormat, [this] { return async_iris::make_codec(classifiers_); });
  store_ = jobs::make_refusing_store(unavailable("no store for jobs is open"));
  make_desk();
}

void JobSystem::make_desk() {
  desk_ = std::make_unique<jobs::Desk>(
      *store_, hub_, codecs_, options_.store == jobs::StoreKind::kRedis ? "redis" : "store",
      jobs::JobLimits{.longest_wait = options_.longest_wait,
                      .lease = options_.lease,
                      .webhooks = options_.webhooks.secret.has_value(),
                      .private_webhooks = options_.webhooks.allow_private,
                      .max_output_bytes = options_.max_output_bytes},
      folder_);
}

JobSystem::~JobSystem() {
  drain();
  abort();
  if (webhooks_) {
    told_.wait(false);
    on_thread(thread_->loop(0), [&] { webhooks_.reset(); });
  }
  if (running_) {
    Executor& home = thread_->loop(0);
    drained_.wait(false);
    on_thread(home, [&] {
      running_->consumer.reset();
      running_->runner.reset();
      running_->calls.reset();
    });
    services_.gateway.remove_home(running_->local);
    running_.reset();
  }
  if (gauges_) on_thread(thread_->loop(0), [&] { gauges_->stop(); });
  store_->set_news(nullptr);
  store_.reset();  // while its timers' thread still runs
  if (thread_) thread_->stop();
}

Result<std::unique_ptr<jobs::Store>> JobSystem::open_embedded(const Options& options) {
  auto folder = state_folder(options);
  if (!folder) return fail(folder.error());
  auto lock = Lock::take(*folder);
  if (!lock) return fail(lock.error());
  lock_ = std::move(*lock);
  folder_ = *folder;
  remove_leftovers(*folder);
  thread_ = std::make_shared<IoThreads>(1, "sluice-jobs");
  const std::filesystem::path file = *folder / "jobs.db";
  std::error_code ignored;
  if (const auto size = std::filesystem::file_size(file, ignored); !ignored && size == 0) {
    services_.log.warn("jobs", "store_empty",
                       {{"message", formatted("{} was there with 0 bytes: if it held jobs they "
                                              "are gone; restore a backup in its place",
                                              file.string())}});
  }
  return jobs::open_sqlite_store({.file = file,
                                  .policy = options_.policy(),
                                  .on_damage =
                                      [&log = services_.log](const Error& why) {
                                        log.error("jobs", "store_damaged",
                                                  {{"error", why.message}});
                                      }},
                                 services_.clock, thread_->loop(0), random_);
}

Result<std::unique_ptr<jobs::Store>> JobSystem::open_redis(const Options& options) {
  auto settings = redis::Settings::from(*options.stores.redis);
  if (!settings) return fail(settings.error());
  std::optional<jobs::SeedQueue> seed;
  if (const auto& shared = options_.seed_queue) {
    seed = {shared->key, shared->callable, shared->format, shared->foreign_timeout};
  }
  const auto watch = std::make_shared<RedisWatch>(
      services_.log, options.telemetry.log.output != "stderr", services_.instruments.redis_server(),
      options.stores.redis->database);
  // Its own thread: a run of a job holds up neither leases nor those who hand jobs in.
  thread_ = std::make_shared<IoThreads>(2, "sluice-jobs");
  auto store =
      jobs::open_redis_store({.settings = *settings,
                              .policy = options_.policy(),
                              .seed = std::move(seed),
                              .commands = services_.instruments.redis("commands"),
                              .subscription = services_.instruments.redis("subscription"),
                              .blocking = services_.instruments.redis("blocking"),
                              .on_up = [watch](const auto& facts) { watch->on_up(facts); },
                              .on_down = [watch](const Error& why) { watch->on_down(why); },
                              .on_foreign_id = [watch](auto id) { watch->on_foreign_id(id); },
                              .on_info = [watch](auto info) { watch->on_info(info); }},
                             services_.clock, thread_->loop(1), services_.resolver, random_);
  // Who is let in finds the store there: a process that was started again refuses nobody for the
  // few milliseconds that connecting takes.
  watch->await_first_word(kFirstConnecting);
  return store;
}

void JobSystem::open(const Options& options) {
  auto store = options_.store == jobs::StoreKind::kRedis && options.stores.redis
                   ? open_redis(options)
                   : open_embedded(options);
  if (!thread_) thread_ = std::make_shared<IoThreads>(1, "sluice-jobs");
  if (store) {
    store_ = std::move(*store);
  } else {
    services_.log.error("jobs", "store_unavailable", {{"error", store.error().message}});
    Error why = unavailable(store.error().message);
    why.retry_after = std::chrono::seconds(10);
    store_ = jobs::make_refusing_store(std::move(why));
  }
  make_desk();
  gauges_ = std::make_unique<jobs::QueueGauges>(thread_->loop(0), *store_,
                                                services_.instruments.metrics());
  start_webhooks();
}

void JobSystem::start_webhooks() {
  const jobs::WebhookSettings& settings = options_.webhooks;
  if (store_->deliveries() == nullptr || !settings.secret) return;
  EventLoop& home = thread_->loop(0);
  webhooks_ = std::make_unique<jobs::WebhookSender>(
      jobs::WebhookSender::Services{.home = home,
                                    .store = *store_->deliveries(),
                                    .hub = hub_,
                                    .resolver = services_.resolver,
                                    .clock = services_.clock,
                                    .metrics = services_.instruments.metrics(),
                                    .log = services_.log,
                                    .job_json =
                                        [](const jobs::Job& job, std::string_view output) {
                                          std::string json;
                                          api::jobs::append_job(json, job, output);
                                          return json;
                                        }},
      jobs::WebhookOptions{.key = *jobs::webhook_key(settings.secret->reveal()),
                           .allow_private = settings.allow_private,
                           .concurrency = settings.concurrency,
                           .timeout = settings.timeout,
                           .max_body_bytes = settings.max_body_bytes},
      entropy());
  home.post([this] { webhooks_->start(); });
}

void JobSystem::start_thread() {
  EventLoop& home = thread_->loop(0);
  running_ =
      std::make_unique<Running>(services_.gateway.add_home(home),
                                jobs::Report(services_.instruments.metrics(), services_.log));
  Running& r = *running_;
  r.calls = jobs::make_call_runner(r.local, codecs_, *store_);
  r.runner = api::jobs::make_later_runner(home, *r.calls, options_.max_output_bytes);
  r.consumer = std::make_unique<jobs::Consumer>(
      home, *store_, hub_, *r.runner, r.report, services_.clock, entropy(),
      jobs::ConsumerOptions{.worker = worker_name(), .lease = options_.lease});
  store_->set_news(&hub_);
}

void JobSystem::consume(const Options& options, const MakeRoutes& routes) {
  if (!thread_) return;
  std::vector<std::string> names;
  for (const auto& [name, callable] : options.callables) names.push_back(name);
  thread_->loop(0).post(
      [gauges = gauges_.get(), names = std::move(names)] { gauges->show(names); });
  const jobs::JobsOptions& wanted = options.jobs;
  if (!wanted.consume) {
    // Those who wait for an end are told all the same.
    if (!running_) store_->set_news(&hub_);
    return;
  }
  if (!running_) start_thread();
  thread_->loop(0).post(
      [runner = running_->runner.get(), made = routes(running_->local)]() mutable {
        runner->set_routes(std::move(made));
      });
  std::vector<jobs::QueueOptions> queues;
  for (const auto& [name, callable] : options.callables) {
    // Others lease its jobs.
    if (std::holds_alternative<ExternalOptions>(callable.what)) continue;
    jobs::QueueOptions queue{.callable = name, .slots = wanted.concurrency};
    if (const jobs::QueueSettings* settings = wanted.queues.find(name)) {
      queue.slots = settings->concurrency.value_or(wanted.concurrency);
      queue.timeout = settings->timeout;
      queue.service_class = settings->service_class;
    }
    queues.push_back(std::move(queue));
  }
  thread_->loop(0).post(
      [consumer = running_->consumer.get(), queues = std::move(queues)]() mutable {
        consumer->set_queues(std::move(queues));
      });
}

void JobSystem::drain() {
  hub_.end_waits();
  if (webhooks_) {
    thread_->loop(0).post([this] {
      webhooks_->drain([this] {
        told_.store(true);
        told_.notify_all();
      });
    });
  }
  if (!running_) return;
  thread_->loop(0).post([this] {
    running_->consumer->drain([this] {
      drained_.store(true);
      drained_.notify_all();
    });
  });
}

void JobSystem::abort() {
  if (webhooks_) thread_->loop(0).post([this] { webhooks_->release_all(); });
  if (!running_) return;
  thread_->loop(0).post([this] { running_->consumer->release_all(); });
}

}  // namespace sluice::app
