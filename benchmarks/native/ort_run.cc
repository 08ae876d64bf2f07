// ONNX Runtime alone: one row after another on one thread, each output read as the C++ API demands.
//
//   ort_run --model models/iris_svc_0_setosa.onnx --seconds 1
//
// What is timed is what a service cannot do without: a tensor over the caller's four numbers, Run,
// and the numbers of every output. Prints one line of JSON.

#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "flags.h"
#include "sample.h"

namespace {

// Adds up every number of an output, so that no read can be left out: a tensor, or a sequence of
// maps (ZipMap).
double sum_of(const Ort::Value& value, OrtAllocator* allocator) {
  double sum = 0;
  if (value.IsTensor()) {
    auto info = value.GetTensorTypeAndShapeInfo();
    std::size_t count = info.GetElementCount();
    if (info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64) {
      for (std::size_t i = 0; i < count; ++i) {
        sum += static_cast<double>(value.GetTensorData<std::int64_t>()[i]);
      }
    } else {
      for (std::size_t i = 0; i < count; ++i) sum += value.GetTensorData<float>()[i];
    }
    return sum;
  }
  std::size_t rows = value.GetCount();
  for (std::size_t row = 0; row < rows; ++row) {
    Ort::Value map = value.GetValue(static_cast<int>(row), allocator);
    sum += sum_of(map.GetValue(0, allocator), allocator);  // keys
    sum += sum_of(map.GetValue(1, allocator), allocator);  // values
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Flags flags(argc, argv);
  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "ort_run");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  Ort::Session session(environment, flags.text("model").c_str(), options);

  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<std::string> names;
  names.emplace_back(session.GetInputNameAllocated(0, allocator).get());
  for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
    names.emplace_back(session.GetOutputNameAllocated(i, allocator).get());
  }
  const char* input = names[0].c_str();
  std::vector<const char*> outputs;
  for (std::size_t i = 1; i < names.size(); ++i) outputs.push_back(names[i].c_str());

  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  std::array<float, 4> row = {5.1F, 3.5F, 1.4F, 0.2F};
  std::array<std::int64_t, 2> shape = {1, 4};
  double sum = 0;
  auto run_once = [&] {
    Ort::Value tensor =
        Ort::Value::CreateTensor<float>(memory, row.data(), row.size(), shape.data(), shape.size());
    auto results =
        session.Run(Ort::RunOptions{nullptr}, &input, &tensor, 1, outputs.data(), outputs.size());
    for (const Ort::Value& result : results) sum += sum_of(result, allocator);
  };

  for (int i = 0; i < 2000; ++i) run_once();
  std::int64_t runs = 0;
  auto start = bench::Clock::now();
  double seconds = flags.number("seconds", 1);
  double passed = 0;
  do {
    for (int i = 0; i < 200; ++i) run_once();
    runs += 200;
    passed = bench::seconds_since(start);
  } while (passed < seconds);
  std::cout << "{\"runs\":" << runs
            << ",\"us_per_run\":" << passed * 1e6 / static_cast<double>(runs)
            << ",\"checksum\":" << sum << "}\n";
  return 0;
}
