// Our tensors as ONNX Runtime's values, and back.
#pragma once

#include <string>

#include "backends/onnx/handles.h"
#include "inference/tensor.h"

namespace sluice::onnx {

// The value refers to the tensor's data, which must live as long; strings are copied.
Result<Handle<OrtValue>> to_value(const Tensor& tensor, const OrtMemoryInfo& cpu);

// Copies. kInternal for what no tensor of ours can hold.
Result<Tensor> to_tensor(const std::string& name, const OrtValue& value);

}  // namespace sluice::onnx
