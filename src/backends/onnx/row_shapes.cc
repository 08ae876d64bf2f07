#include "backends/onnx/row_shapes.h"

#include <algorithm>

namespace sluice::onnx {

namespace {
const Tensor* find(std::span<const Tensor> tensors, std::string_view name) {
  for (const Tensor& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}
}  // namespace

std::optional<std::int64_t> rows_of_call(std::span<const TensorInfo> declared,
                                         std::span<const Tensor> inputs) {
  std::optional<std::int64_t> rows;
  for (const TensorInfo& info : declared) {
    const auto dims = info.shape.dims();
    if (dims.empty()) continue;
    if (std::ranges::any_of(dims.subspan(1), [](std::int64_t dim) { return dim < 0; })) return {};
    if (dims.front() >= 0) continue;
    const Tensor* tensor = find(inputs, info.name);
    if (tensor == nullptr || (rows && *rows != tensor->shape.rows())) return {};
    rows = tensor->shape.rows();
  }
  if (rows && *rows < 1) return {};
  return rows.value_or(1);
}

std::optional<Shape> guess_row_shape(const Tensor& of_one_row, const Tensor& of_many,
                                     std::int64_t many) {
  if (of_one_row.type == DataType::kBytes || of_one_row.shape.rank() != of_many.shape.rank()) {
    return std::nullopt;
  }
  Shape guess = of_one_row.shape;
  for (std::size_t i = 0; i < guess.rank(); ++i) {
    if (of_many.shape[i] == guess[i]) continue;
    if (i != 0 || guess[i] != 1 || of_many.shape[i] != many) return std::nullopt;
    guess[i] = -1;
  }
  return guess;
}

std::optional<Shape> with_rows(const Shape& row_shape, std::int64_t rows) {
  Shape shape = row_shape;
  if (shape.rank() > 0 && shape[0] < 0) shape[0] = rows;
  if (shape.elements().value_or(0) < 1) return std::nullopt;
  return shape;
}

}  // namespace sluice::onnx
