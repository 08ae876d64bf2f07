// A gateway with one home and a mount on it, for the tests of what stands on mounts.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gateway/mount.h"
#include "http/testing_exchange.h"
#include "runtime/manual_executor.h"
#include "telemetry/log.h"

namespace sluice::gateway::testing {

// What is configured is seen at once. The exchanges' loop runs only while a test waits for an
// answer.
class MountBench {
 public:
  void configure(std::vector<CallableSpec> specs) {
    if (auto ok = gateway.configure(std::move(specs)); !ok) {
      throw std::logic_error(ok.error().message);
    }
    home_.run_ready();
  }
  Mount mount(std::string prefix, std::string target) {
    return {local_, gateway, clock, instruments, log_, std::move(prefix), std::move(target)};
  }
  static CallableSpec model(std::string name, CallablePtr callable) {
    return ModelSpec{.name = std::move(name),
                     .versions = {{"1", VersionState::kReady, "", std::move(callable)}}};
  }
  http::TestExchange& serve(http::TestExchange::Request request) {
    exchange_ = std::make_unique<http::TestExchange>(loop, std::move(request));
    exchange_->serve(router);
    return *exchange_;
  }
  // All of the log so far.
  std::string logged() {
    log_.flush();
    const std::lock_guard lock(logged_.mutex);
    return logged_.text;
  }
  http::TestExchange& get(std::string path) { return serve({.path = std::move(path)}); }
  http::TestExchange& post(std::string path, std::string body = {}) {
    return serve({http::Method::kPost, std::move(path), std::move(body), {}});
  }

  SystemClock clock;
  telemetry::Metrics metrics;
  telemetry::Instruments instruments{metrics};
  Gateway gateway{clock, instruments};
  EventLoop loop;
  http::Router router;

 private:
  struct Logged {
    std::mutex mutex;  // the log writes on a thread of its own
    std::string text;
  };
  struct LogKeeper final : telemetry::LogSink {
    explicit LogKeeper(Logged& logged) : logged(logged) {}
    bool write(std::string_view lines, const std::atomic<bool>&) override {
      const std::lock_guard lock(logged.mutex);
      logged.text += lines;
      return true;
    }
    Logged& logged;
  };

  Logged logged_;
  telemetry::Log log_{{}, clock, std::make_unique<LogKeeper>(logged_)};
  ManualExecutor home_;
  LocalGateway& local_ = gateway.add_home(home_);
  std::unique_ptr<http::TestExchange> exchange_;
};

}  // namespace sluice::gateway::testing
