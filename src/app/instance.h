// A running Sluice: everything that a configuration asks for, made, connected and served.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/options.h"
#include "base/result.h"

namespace sluice::app {

// One a process; made, driven and destroyed by the main thread, except where said.
class Instance {
 public:
  static Result<std::unique_ptr<Instance>> start(Configuration configuration);
  // Makes everything but sockets, and says of all of it what would keep it from serving. Where
  // `problems` knows of parts that did not read, the rest is tried.
  static void try_out(Configuration configuration, config::Problems& problems);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // Takes over another configuration: callables, mounts, listeners, log. All or nothing: when it
  // fails everything is as before. Threads and limits stay as they were at start. Calls in flight
  // finish as they began; nothing here waits for them.
  Result<> reload(Configuration configuration);
  // Who is asked for a reload by a handler, on any thread: wakes the main thread, which does it and
  // tells `done` what became of it.
  using ReloadRequest = std::function<void(std::function<void(Result<>)> done)>;
  void on_reload_request(ReloadRequest request);

  // From now on /health/ready says no.
  void stop_being_ready();
  // No new connections; idle ones are closed. Calls in flight go on, those over gRPC for
  // `drain_timeout` at the most.
  void drain();
  // After drain(): everything that was in flight, over HTTP and gRPC, is over.
  [[nodiscard]] bool idle() const;
  // After drain(): what is still in flight is cancelled.
  void abort();

  // "http://127.0.0.1:8080", "grpc://127.0.0.1:8081": as bound.
  [[nodiscard]] std::vector<std::string> addresses() const;
  [[nodiscard]] const Options& options() const;
  telemetry::Log& log();

 private:
  struct Parts;
  explicit Instance(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace sluice::app
