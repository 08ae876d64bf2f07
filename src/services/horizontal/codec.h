// The bodies of the horizontal services: {"data": [[..]]} in, {"prediction": [..]} out.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/callable.h"

namespace sluice::horizontal {

// A body that is no JSON at all is another error (400) than one whose JSON is wrong (422).
struct BodyError {
  int status = 422;
  Error error;
};

// Reads bodies; keeps its parser's memory. One thread.
class RowsReader {
 public:
  RowsReader();
  ~RowsReader();
  // The rows as one tensor named and typed as `input` is. `body` must be followed by 64 readable
  // bytes. Messages name field, row and column, what was expected and what came.
  std::expected<Tensor, BodyError> read(std::string_view body, const TensorInfo& input);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The same from numbers at hand.
Result<Tensor> rows_tensor(const std::vector<std::vector<double>>& rows, const TensorInfo& input);

// The output that is the prediction. kInternal when there is none, or when it cannot be told.
Result<const Tensor*> prediction_of(const InferResponse& response, std::string_view output,
                                    std::string_view prefix = {});

// "prediction":[row 0] and, for several rows, ,"predictions":[[..],..]: without braces.
void append_prediction(std::string& out, const Tensor& prediction);
// [row 0]
void append_first_row(std::string& out, const Tensor& prediction);
// {"code":"unavailable","message":".."}
void append_error(std::string& out, const Error& error);

// "float32" and the like, as the metadata of these services names types.
std::string_view numpy_name(DataType type);
// "(1,4)"
std::string structure(std::size_t rows, std::size_t columns);
std::string structure(const Tensor& tensor);

}  // namespace sluice::horizontal
