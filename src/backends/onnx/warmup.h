// Runs on made-up input, by which a model is ready for its first caller and its speed is known.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "backends/onnx/session.h"
#include "base/time.h"
#include "inference/request.h"

namespace sluice::onnx {

// Beyond this many times what was measured an estimate is a guess, and the call goes to the pool.
inline constexpr double kMaxExtrapolation = 16;

// A run of n units takes fixed + n x each. A unit is as much input as the warm-up's one row, so
// that a long text in one row counts as many.
struct RunCost {
  Duration fixed{};
  double each_ns = 0;
  std::vector<std::int64_t> unit_elements;  // of each input, in the model's order
  double measured = 1;                      // the most units of a run that was timed

  [[nodiscard]] Duration of(double units) const {
    return fixed + Duration(static_cast<std::int64_t>(units * each_ns));
  }
  [[nodiscard]] bool reaches(double units) const { return units <= measured * kMaxExtrapolation; }
  // The most units that any input of the request holds; `inputs` as the model describes them.
  [[nodiscard]] double units(std::span<const TensorInfo> inputs, const InferRequest& request) const;
};

// Zeros and empty strings: dimension 0 is `rows` where the model takes any, other free ones are 1.
std::vector<Tensor> made_up_inputs(std::span<const TensorInfo> inputs, std::int64_t rows);

// Fits the cost through the times of one unit and of `units`; never negative.
RunCost fit_cost(Duration one, Duration many, double units);

struct WarmUp {
  std::optional<RunCost> cost;  // none: the model refused made-up input
  std::optional<Error> refusal;
};
// Runs with one row and with `rows`, several times each, within about a second.
WarmUp warm_up(Session& session, std::size_t rows, const Clock& clock);

}  // namespace sluice::onnx
