// Which outputs' shapes are known before a run, from the number of rows alone: ONNX Runtime then
// writes them where they are wanted, and nothing is asked or copied after the run. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "inference/tensor.h"

namespace sluice::onnx {

// The rows of a call: dimension 0 of the inputs that leave it free, 1 where none does. None when
// they differ, are no rows at all, or when another dimension is free, on which shapes may hang too.
std::optional<std::int64_t> rows_of_call(std::span<const TensorInfo> declared,
                                         std::span<const Tensor> inputs);

// The shape of an output, -1 for the rows, as a run of one row and one of `many` suggest. It is a
// guess: another input may show otherwise. None for text, whose memory is not flat, and for shapes
// that fit no such rule.
std::optional<Shape> guess_row_shape(const Tensor& of_one_row, const Tensor& of_many,
                                     std::int64_t many);

// The shape with so many rows; none when it holds nothing, or more than can be counted.
std::optional<Shape> with_rows(const Shape& row_shape, std::int64_t rows);

}  // namespace sluice::onnx
