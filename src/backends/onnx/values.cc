#include "backends/onnx/values.h"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "backends/onnx/element_types.h"
#include "base/format.h"

namespace sluice::onnx {

void Release::operator()(OrtEnv* env) const noexcept {
  Ort::GetApi().ReleaseEnv(env);
}
void Release::operator()(OrtMemoryInfo* info) const noexcept {
  Ort::GetApi().ReleaseMemoryInfo(info);
}
void Release::operator()(OrtRunOptions* options) const noexcept {
  Ort::GetApi().ReleaseRunOptions(options);
}
void Release::operator()(OrtSession* session) const noexcept {
  Ort::GetApi().ReleaseSession(session);
}
void Release::operator()(OrtValue* value) const noexcept {
  Ort::GetApi().ReleaseValue(value);
}

Result<> checked(OrtStatus* status) {
  if (status == nullptr) return {};
  const OrtApi& api = Ort::GetApi();
  const bool arguments = api.GetErrorCode(status) == ORT_INVALID_ARGUMENT;
  Error error{arguments ? ErrorCode::kInvalid : ErrorCode::kInternal, api.GetErrorMessage(status)};
  api.ReleaseStatus(status);
  return fail(std::move(error));
}

namespace {

struct ReleaseInfo {
  void operator()(OrtTensorTypeAndShapeInfo* info) const noexcept {
    Ort::GetApi().ReleaseTensorTypeAndShapeInfo(info);
  }
};

Result<Handle<OrtValue>> strings_to_value(const Tensor& tensor) {
  const OrtApi& api = Ort::GetApi();
  OrtAllocator* allocator = nullptr;
  if (auto ok = checked(api.GetAllocatorWithDefaultOptions(&allocator)); !ok) {
    return fail(ok.error());
  }
  OrtValue* made = nullptr;
  const auto dims = tensor.shape.dims();
  if (auto ok = checked(api.CreateTensorAsOrtValue(allocator, dims.data(), dims.size(),
                                                   ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &made));
      !ok) {
    return fail(ok.error());
  }
  Handle<OrtValue> value(made);
  for (std::size_t i = 0; i < tensor.strings.size(); ++i) {
    // By length: FillStringTensor would end each at its first zero byte.
    const std::string& text = tensor.strings[i];
    char* to = nullptr;
    if (auto ok = checked(api.GetResizedStringTensorElementBuffer(made, i, text.size(), &to));
        !ok) {
      return fail(ok.error());
    }
    std::ranges::copy(text, to);
  }
  return value;
}

Result<> read_strings(const OrtValue& value, std::vector<std::string>& strings) {
  const OrtApi& api = Ort::GetApi();
  if (strings.empty()) return {};
  std::size_t bytes = 0;
  if (auto ok = checked(api.GetStringTensorDataLength(&value, &bytes)); !ok) return ok;
  std::string all(bytes, '\0');
  std::vector<std::size_t> starts(strings.size());
  if (auto ok = checked(
          api.GetStringTensorContent(&value, all.data(), bytes, starts.data(), starts.size()));
      !ok) {
    return ok;
  }
  for (std::size_t i = 0; i < strings.size(); ++i) {
    const std::size_t end = i + 1 < starts.size() ? starts[i + 1] : bytes;
    strings[i].assign(all, starts[i], end - starts[i]);
  }
  return {};
}

}  // namespace

Result<Handle<OrtValue>> to_value(const Tensor& tensor, const OrtMemoryInfo& cpu) {
  if (tensor.type == DataType::kBytes) return strings_to_value(tensor);
  const auto dims = tensor.shape.dims();
  // ONNX Runtime takes the data as writable and does not write to inputs. An empty tensor may have
  // no memory at all, which it would refuse.
  alignas(8) static std::byte nothing[8];
  std::byte* data = tensor.data.size() == 0 ? nothing : const_cast<std::byte*>(tensor.data.data());
  OrtValue* made = nullptr;
  if (auto ok = checked(Ort::GetApi().CreateTensorWithDataAsOrtValue(
          &cpu, data, tensor.data.size(), dims.data(), dims.size(),
          static_cast<ONNXTensorElementDataType>(to_element_type(tensor.type)), &made));
      !ok) {
    return fail(ok.error());
  }
  return Handle<OrtValue>(made);
}

Result<Tensor> to_tensor(const std::string& name, const OrtValue& value) {
  const OrtApi& api = Ort::GetApi();
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  if (auto ok = checked(api.GetTensorTypeAndShape(&value, &raw)); !ok) return fail(ok.error());
  const std::unique_ptr<OrtTensorTypeAndShapeInfo, ReleaseInfo> info(raw);
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::size_t rank = 0;
  if (auto ok = checked(api.GetTensorElementType(raw, &element)); !ok) return fail(ok.error());
  if (auto ok = checked(api.GetDimensionsCount(raw, &rank)); !ok) return fail(ok.error());
  if (rank > Shape::kMaxRank) {
    return fail(internal(formatted("output '{}' came with {} dimensions, at most {} are served",
                                   name, rank, Shape::kMaxRank)));
  }
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  if (auto ok = checked(api.GetDimensions(raw, dims.data(), rank)); !ok) return fail(ok.error());
  const auto type = from_element_type(element);
  if (!type) {
    return fail(internal(formatted("output '{}' came as {}, which is not served", name,
                                   element_type_name(element))));
  }
  Tensor tensor = make_tensor(name, *type, Shape(std::span(dims.data(), rank)));
  if (*type == DataType::kBytes) {
    if (auto ok = read_strings(value, tensor.strings); !ok) return fail(ok.error());
    return tensor;
  }
  if (tensor.data.size() == 0) return tensor;
  void* data = nullptr;
  if (auto ok = checked(api.GetTensorMutableData(const_cast<OrtValue*>(&value), &data)); !ok) {
    return fail(ok.error());
  }
  std::memcpy(tensor.data.data(), data, tensor.data.size());
  return tensor;
}

}  // namespace sluice::onnx
