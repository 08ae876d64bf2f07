// How a session comes about: the file, its options, and what ONNX Runtime says it takes and gives.
#include <onnxruntime_cxx_api.h>
#include <onnxruntime_session_options_config_keys.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "backends/onnx/element_types.h"
#include "backends/onnx/explain.h"
#include "backends/onnx/model_file.h"
#include "backends/onnx/session.h"
#include "base/format.h"

namespace sluice::onnx {

namespace {

// A larger file is left to ONNX Runtime alone: its maps, if it has any, are then read one by one.
constexpr std::uintmax_t kMaxLookedInto = std::uintmax_t{64} << 20;

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

Ort::SessionOptions session_options(const OnnxOptions& options, std::size_t threads, bool small) {
  Ort::SessionOptions made;
  made.SetIntraOpNumThreads(static_cast<int>(threads));
  made.SetInterOpNumThreads(1);
  made.SetExecutionMode(ORT_SEQUENTIAL);
  made.SetGraphOptimizationLevel(level_of(options.graph_optimization));
  // A thread that spins for its next part takes the core from the io threads beside it.
  made.AddConfigEntry(kOrtSessionOptionsConfigAllowIntraOpSpinning, "0");
  // Its arena is made for large tensors, which it keeps from run to run; the bookkeeping costs more
  // than malloc for a few numbers (measured: 15 % of a run of the iris classifiers).
  if (small) made.DisableCpuMemArena();
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
    return fail(invalid(formatted("'{}' is of type {}, which is not served", name,
                                  element_type_name(info.GetElementType()))));
  }
  const std::vector<std::int64_t> dims = info.GetShape();
  if (dims.size() > Shape::kMaxRank) {
    return fail(invalid(formatted("'{}' has {} dimensions, at most {} are served", name,
                                  dims.size(), Shape::kMaxRank)));
  }
  return TensorInfo{std::move(name), *type, Shape(dims)};
}

Result<Output> describe_output(std::string name, const Ort::TypeInfo& type) {
  if (type.GetONNXType() == ONNX_TYPE_TENSOR) {
    auto info = describe_tensor(std::move(name), type.GetTensorTypeAndShapeInfo());
    if (!info) return fail(info.error());
    return Output{std::move(*info), Output::Form::kTensor, {}, {}};
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
                      {},
                      {}};
      }
    }
  }
  return fail(invalid(formatted(
      "output '{}' is neither a tensor nor a sequence of maps from int64 or string to float",
      name)));
}

// The bytes of a file that is not too large to look into.
std::optional<std::string> read_file(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error || size > kMaxLookedInto) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  std::string bytes(size, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!stream) return std::nullopt;
  return bytes;
}

std::string why_not(const std::string& message, const std::optional<std::string>& bytes) {
  if (bytes && message.contains("Protobuf parsing failed")) {
    return diagnose(*bytes) == ParseFailure::kCutShort ? "it is cut short"
                                                       : "it is not an ONNX model";
  }
  return explain(message);
}

Result<Handle<OrtSession>> create(const OrtEnv& environment, const std::filesystem::path& file,
                                  const std::string& rewritten,
                                  const Ort::SessionOptions& options) {
  OrtSession* made = nullptr;
  const OrtApi& api = Ort::GetApi();
  if (!rewritten.empty()) {
    auto ok = checked(api.CreateSessionFromArray(&environment, rewritten.data(), rewritten.size(),
                                                 options, &made));
    if (ok) return Handle<OrtSession>(made);
  }
  auto ok = checked(api.CreateSession(&environment, file.c_str(), options, &made));
  if (!ok) return fail(ok.error());
  return Handle<OrtSession>(made);
}

}  // namespace

Result<Session> Session::open(const OrtEnv& environment, const std::filesystem::path& file,
                              const OnnxOptions& options, std::size_t threads) {
  try {
    if (options.execution_provider == ExecutionProvider::kCuda &&
        !offers("CUDAExecutionProvider")) {
      return fail(invalid("it is to run on CUDA, which this build of ONNX Runtime does not offer"));
    }
    const auto bytes = read_file(file);
    const bool small = bytes && bytes->size() < kSmallModelBytes;
    Ort::SessionOptions made = session_options(options, threads, small);
    made.AddConfigEntry(kOrtSessionOptionsModelExternalInitializersFileFolderPath,
                        file.parent_path().c_str());
    ModelFacts facts;
    if (bytes) facts = look_into(*bytes).value_or(ModelFacts{});
    auto created = create(environment, file, facts.rewritten, made);
    if (!created) return fail(invalid(why_not(created.error().message, bytes)));
    Session session;
    session.session_ = std::move(*created);
    session.cpu_.reset(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault).release());
    session.quiet_ = std::make_unique<RunControl>();
    session.loops_ = facts.loops;
    session.on_cpu_ = options.execution_provider == ExecutionProvider::kCpu;
    if (auto ok = session.describe(facts); !ok) return fail(ok.error());
    return session;
  } catch (const Ort::Exception& error) {
    return fail(invalid(explain(error.what())));
  }
}

Result<> Session::describe(const ModelFacts& facts) {
  const Ort::ConstSession session(session_.get());
  Ort::AllocatorWithDefaultOptions allocator;
  for (std::size_t i = 0; i < session.GetInputCount(); ++i) {
    std::string name = session.GetInputNameAllocated(i, allocator).get();
    const Ort::TypeInfo type = session.GetInputTypeInfo(i);
    if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
      return fail(invalid(formatted("input '{}' is not a tensor", name)));
    }
    if (std::ranges::contains(facts.shapeless_inputs, name)) {
      return fail(invalid(formatted("input '{}' does not declare its dimensions", name)));
    }
    auto info = describe_tensor(std::move(name), type.GetTensorTypeAndShapeInfo());
    if (!info) return fail(info.error());
    inputs_.push_back(std::move(*info));
  }
  for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
    std::string name = session.GetOutputNameAllocated(i, allocator).get();
    auto output = describe_output(std::move(name), session.GetOutputTypeInfo(i));
    if (!output) return fail(output.error());
    const auto table = std::ranges::find(facts.tables, output->info.name, &MapTable::output);
    if (output->form == Output::Form::kTensor && table != facts.tables.end()) {
      output->form = Output::Form::kTable;
      output->info.shape = {-1, static_cast<std::int64_t>(table->columns.size())};
      output->labels = table->labels;
      output->columns = table->columns;
    }
    outputs_.push_back(std::move(*output));
  }
  return {};
}

}  // namespace sluice::onnx
