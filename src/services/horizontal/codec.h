// What the horizontal services read: {"data": [[..]]}.
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

// {"code":"unavailable","message":".."}
void append_error(std::string& out, const Error& error);

}  // namespace sluice::horizontal
