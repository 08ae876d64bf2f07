// Outputs of the operator ZipMap (sequence of map<int64 or string, float>) as one table.
// Source: the operator's definition in onnx/docs/Operators-ml.md, domain ai.onnx.ml.
#pragma once

#include <string>
#include <vector>

#include "backends/onnx/handles.h"
#include "inference/tensor.h"

namespace sluice::onnx {

// The classes in ascending order of their keys, which is the order of the columns.
using Labels = std::vector<std::string>;

// FP32 [maps, classes]. All maps must have the same keys. `labels`, where not null, gets the keys
// of the first map; without any map the table has no columns and `labels` is left alone.
Result<Tensor> maps_to_table(const std::string& name, const OrtValue& maps, bool text_keys,
                             Labels* labels);

}  // namespace sluice::onnx
