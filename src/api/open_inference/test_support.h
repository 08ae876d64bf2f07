// A gateway with a few callables that do little, for tests of the faces.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "gateway/mount.h"
#include "inference/callable.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace sluice::api::open_inference {

// Answers as the test says: at once, or never until cancelled.
class FakeCallable final : public Callable {
 public:
  using Answer = std::function<Result<Response>(const InferRequest&)>;
  FakeCallable(Description description, Answer answer)
      : description_(std::move(description)), answer_(std::move(answer)) {}

  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request&) const override { return {}; }
  [[nodiscard]] Result<> ready() const override { return ready_; }
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override {
    {
      const std::scoped_lock lock(mutex_);
      last_call_ = call;
    }
    if (answer_) {
      sink.on_result(answer_(std::get<InferRequest>(*request)));
      return {};
    }
    struct Held final : Cancellable {
      explicit Held(Sink& s) : sink(s) {}
      void cancel() override { sink.on_result(fail(cancelled("told to stop"))); }
      Sink& sink;
    };
    {
      const std::scoped_lock lock(mutex_);
      held_ = true;
    }
    arrived_.notify_all();
    return CancelHandle(std::make_shared<Held>(sink));
  }
  void wait_until_called() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return held_; });
  }
  void set_ready(Result<> ready) { ready_ = std::move(ready); }

  // On any thread.
  Call last_call() {
    const std::scoped_lock lock(mutex_);
    return last_call_;
  }

 private:
  Call last_call_;
  Description description_;
  Answer answer_;
  Result<> ready_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  bool held_ = false;
};

inline Description double_description() {
  return {.name = "double",
          .platform = "fake",
          .version = "2",
          .inputs = {{"x", DataType::kFp32, {-1, 2}}},
          .outputs = {{"y", DataType::kFp32, {-1, 2}}},
          .properties = {{"rows", std::int64_t{7}}, {"note", std::string("n")}}};
}

// y = 2 x; a first value of 13 is unlucky and says when to come back.
inline Result<Response> twice(const InferRequest& request) {
  if (const auto checked = check_inputs(double_description(), request); !checked) {
    return fail(checked.error());
  }
  InferResponse response{.model = "double", .version = "2"};
  response.outputs.push_back(request.inputs[0]);
  response.outputs[0].name = "y";
  for (float& value : response.outputs[0].as<float>()) {
    if (value == 13) {
      return fail({ErrorCode::kExhausted, "too many", std::chrono::milliseconds(1500)});
    }
    value *= 2;
  }
  return response;
}

// An ensemble that lost a member.
inline Result<Response> partial(const InferRequest&) {
  InferResponse response{.model = "partial", .version = "1"};
  response.outputs.push_back(make_tensor("a.y", DataType::kInt64, {1}));
  response.outputs[0].as<std::int64_t>()[0] = 3;
  response.errors.push_back({"b", unavailable("gone")});
  return response;
}

// "double" in versions 1 and 2, "slow" that never answers, "partial", and "broken" that is not
// there.
class FakeGateway {
 public:
  FakeGateway() {
    using gateway::ModelSpec;
    using gateway::VersionState;
    const auto fake = [](const FakeCallable::Answer& answer, Description description) {
      return std::make_shared<FakeCallable>(std::move(description), answer);
    };
    doubling = fake(twice, double_description());
    slow = fake({}, {.name = "slow"});
    ModelSpec changing{"double",
                       {{"1", VersionState::kReady, {}, fake(twice, double_description())},
                        {"2", VersionState::kReady, {}, doubling}},
                       [this](const ModelSpec::Done& done) { done(load_result()); },
                       [](const ModelSpec::Done& done) { done({}); }};
    auto configured = gateway.configure(
        {std::move(changing), ModelSpec{"slow", {{"1", VersionState::kReady, {}, slow}}, {}, {}},
         ModelSpec{"partial",
                   {{"1", VersionState::kReady, {}, fake(partial, {.name = "partial"})}},
                   {},
                   {}},
         ModelSpec{"broken", {{"1", VersionState::kUnavailable, "no file", nullptr}}, {}, {}}});
    if (!configured) throw std::runtime_error(configured.error().message);
    gateway.set_accepting(true);
  }

  gateway::Mount mount(gateway::LocalGateway& local, std::string prefix = {},
                       std::string target = {}) {
    return {local, gateway, clock, instruments, *log, std::move(prefix), std::move(target)};
  }

  // What a load says; from any thread.
  void fail_loads(Error why) {
    const std::scoped_lock lock(mutex_);
    load_result_ = fail(std::move(why));
  }
  Result<> load_result() {
    const std::scoped_lock lock(mutex_);
    return load_result_;
  }

  SystemClock clock;
  telemetry::Metrics metrics;
  telemetry::Instruments instruments{metrics};
  std::unique_ptr<telemetry::Log> log =
      telemetry::Log::open({.output = "/dev/null"}, clock).value();
  gateway::Gateway gateway{clock, instruments};
  std::shared_ptr<FakeCallable> doubling;
  std::shared_ptr<FakeCallable> slow;

 private:
  std::mutex mutex_;
  Result<> load_result_;  // guarded by mutex_
};

}  // namespace sluice::api::open_inference
