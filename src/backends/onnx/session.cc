#include "backends/onnx/session.h"

#include <onnxruntime_cxx_api.h>
#include <onnxruntime_session_options_config_keys.h>

#include <algorithm>
#include <format>
#include <utility>

#include "backends/onnx/element_types.h"
#include "backends/onnx/explain.h"
#include "backends/onnx/small_array.h"
#include "backends/onnx/values.h"

namespace sluice::onnx {

namespace {

constexpr std::size_t kFewTensors = 8;

GraphOptimizationLevel level_of(GraphOptimization optimization) {
  switch (optimization) {
    case GraphOptimization::kNone:
      return ORT_DISABLE_ALL;
    case GraphOptimization::kBasic:
      return ORT_ENABLE_BASIC;
    case GraphOptimization::kExtended:
      return ORT_ENABLE_EXTENDED;
    case GraphOptimization::kAll:
      break;
  }
  return ORT_ENABLE_ALL;
}

Ort::SessionOptions session_options(const OnnxOptions& options, std::size_t threads) {
  Ort::SessionOptions made;
  made.SetIntraOpNumThreads(static_cast<int>(threads));
  made.SetInterOpNumThreads(1);
  made.SetExecutionMode(ORT_SEQUENTIAL);
  made.SetGraphOptimizationLevel(level_of(options.graph_optimization));
  // A thread that spins for its next part takes the core from the io threads beside it.
  made.AddConfigEntry(kOrtSessionOptionsConfigAllowIntraOpSpinning, "0");
  if (options.execution_provider == ExecutionProvider::kCuda) {
    made.AppendExecutionProvider_CUDA(OrtCUDAProviderOptions{});
  }
  return made;
}

bool offers(std::string_view provider) {
  return std::ranges::contains(Ort::GetAvailableProviders(), provider);
}

Result<TensorInfo> describe_tensor(std::string name, const Ort::ConstTensorTypeAndShapeInfo& info) {
  const auto type = from_element_type(info.GetElementType());
  if (!type) {
    return fail(invalid(std::format("'{}' is of type {}, which is not served", name,
                                    element_type_name(info.GetElementType()))));
  }
  const std::vector<std::int64_t> dims = info.GetShape();
  if (dims.size() > Shape::kMaxRank) {
    return fail(invalid(std::format("'{}' has {} dimensions, at most {} are served", name,
                                    dims.size(), Shape::kMaxRank)));
  }
  return TensorInfo{std::move(name), *type, Shape(dims)};
}

Result<Output> describe_output(std::string name, const Ort::TypeInfo& type) {
  if (type.GetONNXType() == ONNX_TYPE_TENSOR) {
    auto info = describe_tensor(std::move(name), type.GetTensorTypeAndShapeInfo());
    if (!info) return fail(info.error());
    return Output{std::move(*info), Output::Form::kTensor, {}};
  }
  if (type.GetONNXType() == ONNX_TYPE_SEQUENCE) {
    const Ort::TypeInfo element = type.GetSequenceTypeInfo().GetSequenceElementType();
    if (element.GetONNXType() == ONNX_TYPE_MAP) {
      const auto map = element.GetMapTypeInfo();
      const ONNXTensorElementDataType key = map.GetMapKeyType();
      const Ort::TypeInfo value = map.GetMapValueType();
      const bool floats =
          value.GetONNXType() == ONNX_TYPE_TENSOR &&
          value.GetTensorTypeAndShapeInfo().GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
      const bool integers = key == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
      if (floats && (integers || key == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING)) {
        return Output{{std::move(name), DataType::kFp32, {-1, -1}},
                      integers ? Output::Form::kMapsByInteger : Output::Form::kMapsByText,
                      {}};
      }
    }
  }
  return fail(invalid(std::format(
      "output '{}' is neither a tensor nor a sequence of maps from int64 or string to float",
      name)));
}

}  // namespace

RunControl::RunControl() {
  Ort::RunOptions made;
  options_.reset(made.release());
}

void RunControl::terminate() {
  static_cast<void>(checked(Ort::GetApi().RunOptionsSetTerminate(options_.get())));
}

Result<Session> Session::open(const OrtEnv& environment, const std::filesystem::path& file,
                              const OnnxOptions& options, std::size_t threads) {
  try {
    if (options.execution_provider == ExecutionProvider::kCuda &&
        !offers("CUDAExecutionProvider")) {
      return fail(invalid("it is to run on CUDA, which this build of ONNX Runtime does not offer"));
    }
    const Ort::SessionOptions made = session_options(options, threads);
    Session session;
    OrtSession* raw = nullptr;
    if (auto ok = checked(Ort::GetApi().CreateSession(&environment, file.c_str(), made, &raw));
        !ok) {
      return fail(invalid(explain(ok.error().message)));
    }
    session.session_.reset(raw);
    session.cpu_.reset(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault).release());
    if (auto ok = session.describe(); !ok) return fail(ok.error());
    return session;
  } catch (const Ort::Exception& error) {
    return fail(invalid(explain(error.what())));
  }
}

Result<> Session::describe() {
  const Ort::ConstSession session(session_.get());
  Ort::AllocatorWithDefaultOptions allocator;
  for (std::size_t i = 0; i < session.GetInputCount(); ++i) {
    std::string name = session.GetInputNameAllocated(i, allocator).get();
    const Ort::TypeInfo type = session.GetInputTypeInfo(i);
    if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
      return fail(invalid(std::format("input '{}' is not a tensor", name)));
    }
    auto info = describe_tensor(std::move(name), type.GetTensorTypeAndShapeInfo());
    if (!info) return fail(info.error());
    inputs_.push_back(std::move(*info));
  }
  for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
    std::string name = session.GetOutputNameAllocated(i, allocator).get();
    auto output = describe_output(std::move(name), session.GetOutputTypeInfo(i));
    if (!output) return fail(output.error());
    outputs_.push_back(std::move(*output));
  }
  return {};
}

Result<std::size_t> Session::index_of(const std::string& output) const {
  const auto at = std::ranges::find(outputs_, output, [](const Output& o) { return o.info.name; });
  if (at == outputs_.end()) return fail(invalid(std::format("there is no output '{}'", output)));
  return static_cast<std::size_t>(at - outputs_.begin());
}

Result<> Session::learn_labels(std::span<const Tensor> inputs) {
  std::vector<Labels> labels(outputs_.size());
  auto answer = fetch(inputs, {}, nullptr, &labels);
  if (!answer) return fail(answer.error());
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (labels[i].empty()) continue;
    outputs_[i].info.shape = {-1, static_cast<std::int64_t>(labels[i].size())};
    outputs_[i].labels = std::move(labels[i]);
  }
  return {};
}

Result<std::vector<Tensor>> Session::fetch(std::span<const Tensor> inputs,
                                           std::span<const std::string> wanted, RunControl* control,
                                           std::vector<Labels>* labels) const {
  SmallArray<const char*, kFewTensors> input_names(inputs.size());
  SmallArray<Handle<OrtValue>, kFewTensors> values(inputs.size());
  SmallArray<const OrtValue*, kFewTensors> value_pointers(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto value = to_value(inputs[i], *cpu_);
    if (!value) return fail(value.error());
    values[i] = std::move(*value);
    value_pointers[i] = values[i].get();
    input_names[i] = inputs[i].name.c_str();
  }

  const std::size_t count = wanted.empty() ? outputs_.size() : wanted.size();
  SmallArray<const Output*, kFewTensors> specs(count);
  SmallArray<const char*, kFewTensors> output_names(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t index = i;
    if (!wanted.empty()) {
      const auto found = index_of(wanted[i]);
      if (!found) return fail(found.error());
      if (std::ranges::find(wanted.first(i), wanted[i]) != wanted.first(i).end()) {
        return fail(invalid(std::format("output '{}' is asked for twice", wanted[i])));
      }
      index = *found;
    }
    specs[i] = &outputs_[index];
    output_names[i] = outputs_[index].info.name.c_str();
  }

  SmallArray<OrtValue*, kFewTensors> raw(count);
  auto ran = checked(Ort::GetApi().Run(session_.get(), control ? control->options() : nullptr,
                                       input_names.data(), value_pointers.data(), inputs.size(),
                                       output_names.data(), count, raw.data()));
  SmallArray<Handle<OrtValue>, kFewTensors> results(count);
  for (std::size_t i = 0; i < count; ++i) results[i].reset(raw[i]);
  if (!ran) return fail(ran.error().code, explain(ran.error().message));

  std::vector<Tensor> tensors;
  tensors.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Output& spec = *specs[i];
    auto tensor =
        spec.form == Output::Form::kTensor
            ? to_tensor(spec.info.name, *results[i])
            : maps_to_table(spec.info.name, *results[i], spec.form == Output::Form::kMapsByText,
                            labels ? &(*labels)[i] : nullptr);
    if (!tensor) return fail(tensor.error());
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

}  // namespace sluice::onnx
