#include "app/serve.h"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <print>
#include <thread>
#include <utility>
#include <vector>

#include "app/instance.h"
#include "base/format.h"
#include "rpc/library_setup.h"

namespace sluice::app {

namespace {

// The signals that drive the process, taken one by one by the main thread. Every thread that is
// made later has them blocked.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  // 0 when none came in time.
  int wait(Duration longest) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(longest);
    const timespec time{static_cast<time_t>(seconds.count()),
                        static_cast<long>((longest - seconds).count())};
    const int signal = sigtimedwait(&set_, nullptr, &time);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_{};
};

bool is_stop(int signal) {
  return signal == SIGTERM || signal == SIGINT;
}

void say_where(const Instance& instance) {
  if (instance.options().worker) std::println("sluice {} runs jobs", SLUICE_VERSION);
  std::string first;
  for (const std::string& address : instance.addresses()) {
    if (first.empty() && address.starts_with("http")) first = address;
    std::println("sluice {} serves {}", SLUICE_VERSION, address);
  }
  if (first.empty()) return;
  for (const ListenerOptions& listener : instance.options().listeners) {
    for (const MountOptions& mount : listener.mounts) {
      if (!std::holds_alternative<horizontal::ProxyOptions>(mount.api) &&
          !std::holds_alternative<horizontal::ServiceOptions>(mount.api)) {
        continue;
      }
      std::println(
          "try:  curl {}{}/predict -H 'Content-Type: application/json' "
          "-d '{{\"data\": [[5.1, 3.5, 1.4, 0.2]]}}'",
          first, mount.prefix);
      return;
    }
    return;  // the address above is the first listener's
  }
}

// The configuration as far as it is for such a process.
Result<Configuration> load(const std::optional<std::filesystem::path>& file, ServedBy process) {
  auto configuration = load_configuration(file);
  if (!configuration) return configuration;
  if (process == ServedBy::kWorker &&
      configuration->options.jobs.store != jobs::StoreKind::kRedis) {
    return fail(invalid(
        formatted("{}: a worker takes its jobs from a store that others share, and jobs.store is "
                  "embedded; set it to redis, or run all in one process with `sluice serve`",
                  configuration->source)));
  }
  run_as(configuration->options, process);
  return configuration;
}

// Who asked for a reload by a handler and waits for what becomes of it.
class Askers {
 public:
  using Done = std::function<void(Result<>)>;
  // From any thread. A reload is the main thread's work, whoever asks for it.
  void add(Done done) {
    {
      const std::scoped_lock lock(mutex_);
      if (!over_) {
        waiting_.push_back(std::move(done));
        ::kill(::getpid(), SIGHUP);
        return;
      }
    }
    done(over());
  }
  // Those whose reload begins now.
  std::vector<Done> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(waiting_, {});
  }
  // There will be none any more.
  void end() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    for (const Done& done : take()) done(over());
  }

 private:
  static Result<> over() { return fail(unavailable("the server is going down")); }
  std::mutex mutex_;
  bool over_ = false;          // guarded by mutex_
  std::vector<Done> waiting_;  // guarded by mutex_
};

void reload(Instance& instance, const std::optional<std::filesystem::path>& file, ServedBy process,
            Askers& askers) {
  const auto asked = askers.take();
  auto next = load(file, process);
  Result<> done;
  if (next) {
    done = instance.reload(std::move(*next));
  } else {
    done = fail(next.error());
  }
  if (done) {
    instance.log().info("app", "reloaded");
  } else {
    instance.log().error("app", "reload_failed", {{"error", done.error().message}});
  }
  for (const auto& answer : asked) answer(done);
}

// Calls that do not even end when they are cancelled are left behind after this.
constexpr std::chrono::seconds kAbortTimeout{5};

// True: everything in flight has been answered.
bool drain(Instance& instance, Signals& signals) {
  const ShutdownOptions& shutdown = instance.options().shutdown;
  instance.stop_being_ready();
  instance.log().info("app", "draining");
  using std::chrono::steady_clock;
  const auto closes = steady_clock::now() + shutdown.drain_delay;
  for (auto now = steady_clock::now(); now < closes; now = steady_clock::now()) {
    if (is_stop(signals.wait(closes - now))) return false;  // another signal is not the end of it
  }
  instance.drain();
  auto until = steady_clock::now() + shutdown.drain_timeout;
  bool aborted = false;
  while (!instance.idle()) {
    if (steady_clock::now() >= until) {
      if (aborted) return false;
      instance.log().warn("app", "drain_timeout");
      instance.abort();
      aborted = true;
      until += kAbortTimeout;
    }
    if (is_stop(signals.wait(std::chrono::milliseconds(5)))) return false;
  }
  return true;
}

int run(const std::optional<std::filesystem::path>& file, ServedBy process) {
  rpc::set_up_library();
  Signals signals;
  auto configuration = load(file, process);
  if (!configuration) {
    std::println(stderr, "{}", configuration.error().message);
    return 1;
  }
  auto started = Instance::start(std::move(*configuration));
  if (!started) {
    std::println(stderr, "sluice: {}", started.error().message);
    return 1;
  }
  Instance& instance = **started;
  const auto askers = std::make_shared<Askers>();
  instance.on_reload_request([askers](auto done) { askers->add(std::move(done)); });
  say_where(instance);
  std::fflush(stdout);
  instance.log().info("app", "started", {{"version", SLUICE_VERSION}});
  while (true) {
    const int signal = signals.wait(std::chrono::hours(1));
    if (signal == SIGHUP) reload(instance, file, process, *askers);
    if (!is_stop(signal)) continue;
    askers->end();
    if (!drain(instance, signals)) {
      instance.log().warn("app", "stopped_at_once");
      instance.log().flush();
      std::_Exit(0);
    }
    instance.log().info("app", "stopped");
    return 0;
  }
}

}  // namespace

int serve(const std::optional<std::filesystem::path>& file) {
  return run(file, ServedBy::kServe);
}
int work(const std::filesystem::path& file) {
  return run(file, ServedBy::kWorker);
}

}  // namespace sluice::app
