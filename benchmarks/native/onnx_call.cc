// What one inline call of an ONNX model costs over a bare run of ONNX Runtime on the same file.
//
//   onnx_call MODEL.onnx [CALLS]
//
// Prints the shortest of many short rounds for both, which a busy machine disturbs least. The bare
// run reuses its tensor and its names, and reads nothing of the answer.
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>
#include <vector>

#include "backends/onnx/runtime.h"
#include "runtime/manual_executor.h"
#include "telemetry/metrics.h"

namespace {

using namespace sluice;

constexpr int kRounds = 400;

template <class F>
double shortest_ns(int calls, F f) {
  const SystemClock clock;
  double shortest = 1e18;
  for (int round = 0; round < kRounds; ++round) {
    const TimePoint before = clock.now();
    for (int i = 0; i < calls; ++i) f();
    shortest = std::min(shortest, static_cast<double>((clock.now() - before).count()) / calls);
  }
  return shortest;
}

class Counting final : public Sink {
 public:
  void on_result(Result<Response> result) override { ok += result.has_value() ? 1 : 0; }
  long ok = 0;
};

double bare_ns(const char* file, const InferRequest& request, int calls) {
  const Ort::Env env(ORT_LOGGING_LEVEL_ERROR);
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  Ort::Session session(env, file, options);
  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<Ort::AllocatedStringPtr> names;
  std::vector<const char*> outputs;
  for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
    names.push_back(session.GetOutputNameAllocated(i, allocator));
    outputs.push_back(names.back().get());
  }
  const Tensor& input = request.inputs.front();
  const char* input_name = input.name.c_str();
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const auto dims = input.shape.dims();
  auto data = input.data;
  const auto value =
      Ort::Value::CreateTensor<float>(memory, reinterpret_cast<float*>(data.data()),
                                      data.size() / sizeof(float), dims.data(), dims.size());
  const Ort::RunOptions run;
  return shortest_ns(calls, [&] {
    auto results = session.Run(run, &input_name, &value, 1, outputs.data(), outputs.size());
  });
}

int measure(const char* file, int calls) {
  const SystemClock clock;
  telemetry::Metrics metrics;
  telemetry::Instruments instruments(metrics);
  ComputePool pool({.threads = 1});
  auto log = telemetry::Log::open({}, clock);
  if (!log) return 1;
  const onnx::OnnxRuntime runtime({pool, clock, **log, instruments});
  auto model = runtime.load({"model", "1", file}, {});
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 1;
  }
  InferRequest infer;
  infer.inputs = onnx::made_up_inputs((*model)->describe().inputs, 1);
  const RequestPtr request = make_request(infer);
  ManualExecutor home;
  Counting sink;
  const Call call{.home = &home};
  const double ours = shortest_ns(calls, [&] { (*model)->start(call, request, sink); });
  const double bare = bare_ns(file, infer, calls);
  std::printf("call %.0f ns, bare run %.0f ns, difference %.0f ns; %ld answered\n", ours, bare,
              ours - bare, sink.ok);
  if (const auto& cost = (*model)->cost()) {
    std::printf("measured at load: %.1f us + %.2f us x rows\n",
                static_cast<double>(cost->fixed.count()) / 1e3, cost->each_ns / 1e3);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: onnx_call MODEL.onnx [CALLS a round]\n");
    return 2;
  }
  try {
    return measure(argv[1], argc > 2 ? std::atoi(argv[2]) : 100);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
