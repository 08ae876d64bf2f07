// The thread that owns a context: takes calls, makes steps, tells what came of them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/llama/driver.h"
#include "backends/llama/engine_call.h"
#include "backends/llama/inbox.h"
#include "backends/llama/places.h"
#include "backends/llama/ports.h"
#include "base/time.h"
#include "telemetry/engine_metrics.h"

namespace sluice::llama {

struct EngineOptions {
  std::string model;  // its name, for messages
  DriverOptions driver;
  std::size_t call_limit = 1024;  // calls that are here at once, with a place or without
  telemetry::EngineMetricsByClass metrics{};
};

// Owns its context and its thread, which begins with the constructor. The destructor ends every
// call with kUnavailable. Which call may come at all is the scheduler's business; here those that
// came get a place in turn, realtime first.
class Engine final : public CallTaker {
 public:
  // The clock outlives it. `prepare_thread` runs first on the new thread, before
  // Context::bind(): what its class of work asks of the machine.
  Engine(EngineOptions options, std::unique_ptr<Context> context,
         std::unique_ptr<Prompter> prompter, const Clock& clock,
         std::function<void()> prepare_thread);
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void submit(std::shared_ptr<EngineCall> call) override;

 private:
  struct Answering;  // a call
  struct Sequence;   // one of its answers
  using AnsweringPtr = std::shared_ptr<Answering>;

  void run();
  void take_in(std::shared_ptr<EngineCall> call);
  void drop_stopped();
  void seat(TimePoint now);
  bool may_have_place(const Sequence& sequence, ServiceClass turn) const;
  bool seat(Sequence& sequence);
  bool make_room(TimePoint now);
  [[nodiscard]] std::vector<SequenceView> seated() const;
  void step(const StepPlan& plan);
  void count(const StepPlan& plan, Duration took) const;
  void failed(const std::vector<Sequence*>& worked, const Error& error);
  void sampled(Sequence& sequence, Sampled next);
  static void tell(const Sequence& sequence, std::vector<TextPart> parts);
  void close(Sequence& sequence, FinishReason finish);
  void finish(const AnsweringPtr& call, Result<Response> result);
  void remove(Sequence& sequence);

  const EngineOptions options_;
  const std::unique_ptr<Context> context_;
  const std::unique_ptr<Prompter> prompter_;
  const Clock& clock_;
  Driver driver_;
  Places places_;

  // The engine's thread only.
  std::vector<std::unique_ptr<Sequence>> sequences_;  // in the order of arrival
  std::uint64_t arrivals_ = 0;

  const std::shared_ptr<Inbox> inbox_;
  std::thread thread_;
};

}  // namespace sluice::llama
