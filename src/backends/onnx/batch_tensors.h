// Putting the inputs of several requests under one another, and taking the outputs apart again.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "inference/callable.h"
#include "inference/request.h"

namespace sluice::onnx {

// Whether requests of this model can run as one: every input and output has a free dimension 0.
// kInvalid names the one that has not.
Result<> can_batch(const Description& description);

struct BatchShape {
  std::string key;  // equal where requests fit together: inner dimensions, outputs asked for
  std::size_t rows = 0;
};
// None where the request has no rows, or its inputs disagree on how many. The request is right
// (check_inputs).
std::optional<BatchShape> batch_shape(const Description& description, const InferRequest& request);

// The requests' inputs along dimension 0, in the model's order. All have one key.
std::vector<Tensor> join_rows(const Description& description,
                              std::span<const InferRequest* const> requests);

// Takes `tensors` apart along dimension 0, `rows[i]` rows for each. kInternal where a tensor does
// not have as many rows as all together.
Result<std::vector<std::vector<Tensor>>> split_rows(std::span<const Tensor> tensors,
                                                    std::span<const std::size_t> rows);

}  // namespace sluice::onnx
