// A callable that does what a test says; no part of the product.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inference/callable.h"
#include "inference/probe.h"

namespace sluice::testing {

inline Tensor fp32(std::string name, const Shape& shape, const std::vector<float>& values) {
  Tensor tensor = make_tensor(std::move(name), DataType::kFp32, shape);
  std::ranges::copy(values, tensor.as<float>().begin());
  return tensor;
}

inline InferResponse response_of(Tensor output) {
  InferResponse response;
  response.outputs.push_back(std::move(output));
  return response;
}

// Keeps the one result of a call.
struct TestSink final : Sink {
  std::vector<Result<InferResponse>> results;
  void on_result(Result<Response> result) override {
    results.push_back(result ? Result<InferResponse>(std::get<InferResponse>(std::move(*result)))
                             : fail(result.error()));
  }
  [[nodiscard]] bool done() const { return !results.empty(); }
  [[nodiscard]] ErrorCode code() const { return results.at(0).error().code; }
};

// Takes `x` FP32 [-1,2], gives `y` FP32 [-1,2] unless told otherwise. Inline it answers at once
// with `answer`; else it keeps the call until the test answers it by reply().
class FakeCallable : public Callable {
 public:
  enum class Waiting : std::uint8_t { kCall, kHealth, kSelfTest };
  struct Pending final : Cancellable {
    Waiting what = Waiting::kCall;
    Call call;
    RequestPtr request;
    Sink* sink = nullptr;
    bool cancelled = false;
    bool reports_within_cancel = true;

    void reply(Result<Response> result) {
      if (auto* to = std::exchange(sink, nullptr)) to->on_result(std::move(result));
    }
    void cancel() override {
      cancelled = true;
      if (reports_within_cancel) reply(fail(sluice::cancelled("told to stop")));
    }
  };

  explicit FakeCallable(std::string name, Placement placed = {})
      : description{.name = std::move(name),
                    .platform = "fake",
                    .version = "1",
                    .inputs = {{"x", DataType::kFp32, {-1, 2}}},
                    .outputs = {{"y", DataType::kFp32, {-1, 2}}}},
        placed(placed) {}

  [[nodiscard]] const Description& describe() const override { return description; }
  [[nodiscard]] Placement placement(const Request&) const override { return placed; }
  [[nodiscard]] Result<> ready() const override { return readiness; }

  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override {
    ++starts;
    if (call.may_run_inline && placed.where == Placement::Where::kInline) {
      seen.push_back(request);
      sink.on_result(answer(std::get<InferRequest>(*request)));
      return {};
    }
    return keep(Waiting::kCall, call, std::move(request), sink);
  }

  // The oldest that waits.
  void reply(Result<Response> result) {
    const auto next = pending.front();
    pending.erase(pending.begin());
    next->reply(std::move(result));
  }

  Description description;
  Placement placed;
  Result<> readiness;
  std::function<Result<Response>(const InferRequest&)> answer =
      [](const InferRequest&) -> Result<Response> {
    return response_of(fp32("y", {1, 2}, {0.25F, 0.75F}));
  };
  int starts = 0;
  bool reports_within_cancel = true;
  std::vector<RequestPtr> seen;
  std::vector<std::shared_ptr<Pending>> pending;

 protected:
  CancelHandle keep(Waiting what, const Call& call, RequestPtr request, Sink& sink) {
    auto one = std::make_shared<Pending>();
    one->what = what;
    one->call = call;
    one->request = std::move(request);
    one->sink = &sink;
    one->reports_within_cancel = reports_within_cancel;
    pending.push_back(one);
    return CancelHandle(one);
  }
};

// One behind a wire: it can be probed.
class FakeService final : public FakeCallable, public Probeable {
 public:
  explicit FakeService(std::string name)
      : FakeCallable(std::move(name), {Placement::Where::kRemote, {}}) {}
  CancelHandle probe_health(const Call& call, Sink& sink) override {
    return keep(Waiting::kHealth, call, nullptr, sink);
  }
  CancelHandle run_self_test(const Call& call, Sink& sink) override {
    return keep(Waiting::kSelfTest, call, nullptr, sink);
  }
};

}  // namespace sluice::testing
