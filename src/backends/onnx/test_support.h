// What the tests of this folder share: services, models by file name, and a caller that waits.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/onnx/runtime.h"
#include "base/testing_repository.h"
#include "runtime/io_threads.h"
#include "telemetry/log_sink.h"
#include "telemetry/metrics.h"
#include "telemetry/request_metrics.h"

namespace sluice::onnx::testing {

inline std::string test_model(const std::string& name) {
  return sluice::testing::in_repository("tests/data/onnx/") + name + ".onnx";
}
inline std::string real_model(const std::string& name) {
  return sluice::testing::in_repository("models/") + name + ".onnx";
}

// Keeps what is logged.
class Kept final : public telemetry::LogSink {
 public:
  explicit Kept(std::string& to) : to_(to) {}
  bool write(std::string_view lines, const std::atomic<bool>&) override {
    to_ += lines;
    return true;
  }

 private:
  std::string& to_;
};

// Each look at it finds it later by the same step, however slow the machine is.
class SteppingClock final : public Clock {
 public:
  explicit SteppingClock(Duration step) : step_(step) {}
  [[nodiscard]] TimePoint now() const override { return now_ += step_; }
  [[nodiscard]] WallTime wall() const override { return {}; }

 private:
  Duration step_;
  mutable TimePoint now_;
};

// A caller with a thread of its own as its home.
class Waiting final : public Sink {
 public:
  void on_result(Result<Response> result) override {
    home_thread = std::this_thread::get_id();
    answered.set_value(std::move(result));
  }
  Result<InferResponse> get() {
    auto result = answered.get_future().get();
    if (!result) return fail(result.error());
    return std::get<InferResponse>(std::move(*result));
  }
  std::promise<Result<Response>> answered;
  std::thread::id home_thread;
  CallTimes times;
};

// Takes the pool's only thread until let go.
class Blocker {
 public:
  explicit Blocker(ComputePool& pool) {
    Task task = [latches = latches_] {
      latches->running.count_down();
      latches->go.wait();
    };
    EXPECT_TRUE(pool.submit(task));
    latches_->running.wait();
  }
  ~Blocker() { let_go(); }
  void let_go() {
    if (!std::exchange(gone_, true)) latches_->go.count_down();
  }

 private:
  struct Latches {
    std::latch running{1};
    std::latch go{1};
  };
  std::shared_ptr<Latches> latches_ = std::make_shared<Latches>();
  bool gone_ = false;
};

class OnnxTest : public ::testing::Test {
 protected:
  Result<std::shared_ptr<OnnxModel>> try_load(const std::string& file, OnnxOptions options = {}) {
    return runtime.load({"m", "1", file}, options);
  }
  std::shared_ptr<OnnxModel> load(const std::string& file, OnnxOptions options = {}) {
    auto model = try_load(file, options);
    if (!model) throw std::runtime_error(model.error().message);
    return *model;
  }
  // Starts the call on the io thread and waits for its result there.
  Result<InferResponse> infer(const CallablePtr& model, InferRequest request, Call call = {}) {
    Waiting sink;
    start(model, std::move(request), sink, call);
    return sink.get();
  }
  void start(const CallablePtr& model, InferRequest request, Waiting& sink, Call call = {},
             CancelHandle* handle = nullptr) {
    call.home = &io.loop(0);
    call.times = &sink.times;
    on_io([&, shared = make_request(std::move(request))] {
      auto started = model->start(call, shared, sink);
      if (handle != nullptr) *handle = std::move(started);
    });
  }
  template <class F>
  void on_io(F f) {
    io.on_each([&](std::size_t, EventLoop&) { f(); });
  }
  std::string logged() {
    log.flush();
    return log_text;
  }

  SystemClock clock;
  std::string log_text;
  telemetry::Log log{{.level = telemetry::LogLevel::kDebug, .format = telemetry::LogFormat::kJson},
                     clock,
                     std::make_unique<Kept>(log_text)};
  telemetry::Metrics metrics;
  telemetry::Instruments instruments{metrics};
  IoThreads io{1};  // the pools' threads post to it to their end
  ComputePool pool{{.threads = 1, .queue_limit = 4}};
  ComputePool idle_pool{{.threads = 1, .queue_limit = 4}};
  OnnxRuntime runtime{{pool, clock, log, instruments, &idle_pool}};
};

template <class T>
Tensor tensor_of(std::string name, DataType type, const Shape& shape,
                 const std::vector<T>& values) {
  Tensor tensor = make_tensor(std::move(name), type, shape);
  std::ranges::copy(values, tensor.as<T>().begin());
  return tensor;
}
inline Tensor floats(std::string name, const Shape& shape, const std::vector<float>& values) {
  return tensor_of<float>(std::move(name), DataType::kFp32, shape, values);
}
inline Tensor integers(std::string name, const std::vector<std::int64_t>& values) {
  return tensor_of<std::int64_t>(std::move(name), DataType::kInt64,
                                 {static_cast<std::int64_t>(values.size())}, values);
}
inline InferRequest request_of(Tensor tensor) {
  InferRequest request;
  request.inputs.push_back(std::move(tensor));
  return request;
}
template <class T>
std::vector<T> values_of(const InferResponse& response, std::string_view output) {
  const Tensor* tensor = response.output(output);
  if (tensor == nullptr) return {};
  const auto values = tensor->as<T>();
  return {values.begin(), values.end()};
}

}  // namespace sluice::onnx::testing
