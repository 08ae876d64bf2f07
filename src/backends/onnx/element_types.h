// ONNX Runtime's numbers for element types, and ours. The numbers are ONNXTensorElementDataType,
// kept as int so that its header stays out of ours.
#pragma once

#include <optional>
#include <string_view>

#include "inference/tensor.h"

namespace sluice::onnx {

// None for what no tensor of ours can hold (complex, 8-bit floats, 4-bit integers).
std::optional<DataType> from_element_type(int element_type);
int to_element_type(DataType type);
// "complex64", ...: for messages about types that are not served.
std::string_view element_type_name(int element_type);

}  // namespace sluice::onnx
