// Tensors as raw bytes: the binary extension of REST and gRPC's raw contents. Elements are
// row-major and little-endian; each of BYTES is a 4-byte little-endian length and that many bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "inference/tensor.h"

namespace sluice::api::open_inference {

// Errors name the input, the size that its shape and type ask for, and the size that came.
Result<Tensor> tensor_from_raw(std::string name, DataType type, const Shape& shape,
                               std::string_view raw);

std::size_t raw_size(const Tensor& tensor);
void append_raw(std::string& out, const Tensor& tensor);

}  // namespace sluice::api::open_inference
