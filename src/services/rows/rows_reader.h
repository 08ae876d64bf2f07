// What the services over rows of numbers read: {"data": [[..]]}.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/callable.h"

namespace sluice::rows {

// A body that is no JSON at all is another error (400) than one whose JSON is wrong (422).
struct BodyError {
  int status = 422;
  Error error;
};

// What is demanded of the rows beside what the input's type and shape demand.
struct RowRules {
  std::optional<double> above;  // every value is larger than this
  std::optional<double> below;  // and smaller than this
  bool bare_array = false;      // [[..]] without {"data": ..} is taken as well
};

// Reads bodies; keeps its parser's memory. One thread.
class RowsReader {
 public:
  RowsReader();
  ~RowsReader();
  // The rows as one tensor named and typed as `input` is. `body` must be followed by 64 readable
  // bytes. Messages name field, row and column, what was expected and what came.
  std::expected<Tensor, BodyError> read(std::string_view body, const TensorInfo& input,
                                        const RowRules& rules = {});
  // The same of a text that is followed by nothing: copies it.
  std::expected<Tensor, BodyError> read_copy(std::string_view text, const TensorInfo& input,
                                             const RowRules& rules = {});
  // A text beside the rows of the body that was read last; none where there is none. kInvalid names
  // the field when it is something else.
  [[nodiscard]] Result<std::optional<std::string>> text_field(std::string_view name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The same from numbers at hand.
Result<Tensor> rows_tensor(const std::vector<std::vector<double>>& rows, const TensorInfo& input);

}  // namespace sluice::rows
