#include "backends/onnx/element_types.h"

#include <onnxruntime_c_api.h>

#include <array>

namespace sluice::onnx {

namespace {
struct Pair {
  ONNXTensorElementDataType theirs;
  DataType ours;
};
constexpr std::array<Pair, kDataTypeCount> kPairs = {{
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, DataType::kBool},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, DataType::kUint8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, DataType::kUint16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, DataType::kUint32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, DataType::kUint64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, DataType::kInt8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, DataType::kInt16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, DataType::kInt32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, DataType::kInt64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, DataType::kFp16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, DataType::kBf16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, DataType::kFp32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, DataType::kFp64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, DataType::kBytes},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kPairs.size(); ++i) {
    if (static_cast<std::size_t>(kPairs[i].ours) != i) return false;
  }
  return true;
}
static_assert(in_order(), "kPairs is indexed by DataType");
}  // namespace

std::optional<DataType> from_element_type(int element_type) {
  for (const Pair& pair : kPairs) {
    if (pair.theirs == element_type) return pair.ours;
  }
  return std::nullopt;
}

int to_element_type(DataType type) {
  return kPairs[static_cast<std::size_t>(type)].theirs;
}

std::string_view element_type_name(int element_type) {
  switch (element_type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64:
      return "complex64";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX128:
      return "complex128";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FN:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FNUZ:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2FNUZ:
      return "float8";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT4:
      return "uint4";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4:
      return "int4";
    default:
      break;
  }
  const auto ours = from_element_type(element_type);
  return ours ? to_string(*ours) : "unknown";
}

}  // namespace sluice::onnx
