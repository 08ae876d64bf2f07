// What the horizontal services answer: {"prediction": [..]}, and how they speak of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/callable.h"

namespace sluice::horizontal {

// The output that is the prediction: the one named `output`, where that is empty the only
// floating-point one. With a prefix, among those of that member. kInternal when there is none, or
// when it cannot be told.
Result<const Tensor*> prediction_of(const InferResponse& response, std::string_view output,
                                    std::string_view prefix = {});

// Which outputs to ask a target for: its prediction, and of an ensemble each member's. Empty, which
// asks for all, where the description does not tell.
std::vector<std::string> prediction_names(const Description& target, std::string_view output);

// "prediction":[row 0] and, for several rows, ,"predictions":[[..],..]: without braces.
void append_prediction(std::string& out, const Tensor& prediction);
// [row 0]
void append_first_row(std::string& out, const Tensor& prediction);
// "float32" and the like, as the metadata of these services names types.
std::string_view numpy_name(DataType type);
// "(1,4)"
std::string structure(std::size_t rows, std::size_t columns);
std::string structure(const Tensor& tensor);

}  // namespace sluice::horizontal
