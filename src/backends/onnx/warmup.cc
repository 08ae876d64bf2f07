#include "backends/onnx/warmup.h"

#include <algorithm>
#include <chrono>

namespace sluice::onnx {

namespace {

constexpr int kRuns = 5;  // the shortest counts: the others met something else on the machine
constexpr Duration kEnough = std::chrono::milliseconds(200);  // for the runs of one size

std::int64_t elements_of(const Tensor& tensor) {
  return std::max<std::int64_t>(1, tensor.shape.elements().value_or(1));
}

struct Timed {
  Duration shortest = Duration::max();
  std::vector<Tensor> outputs;  // of the last run
};

Result<Timed> run_a_few(const Session& session, std::span<const Tensor> inputs,
                        const Clock& clock) {
  Timed timed;
  const TimePoint begin = clock.now();
  for (int i = 0; i < kRuns; ++i) {
    const TimePoint before = clock.now();
    auto answer = session.run(inputs, {}, nullptr);
    const TimePoint after = clock.now();
    if (!answer) return fail(answer.error());
    timed.shortest = std::min<Duration>(timed.shortest, after - before);
    timed.outputs = std::move(*answer);
    if (after - begin > kEnough) break;
  }
  return timed;
}

bool any_free(std::span<const TensorInfo> inputs) {
  return std::ranges::any_of(inputs, [](const TensorInfo& input) {
    return std::ranges::any_of(input.shape.dims(), [](std::int64_t dim) { return dim < 0; });
  });
}

}  // namespace

double RunCost::units(std::span<const TensorInfo> inputs, const InferRequest& request) const {
  double most = 1;
  for (std::size_t i = 0; i < inputs.size() && i < unit_elements.size(); ++i) {
    const Tensor* tensor = request.input(inputs[i].name);
    if (tensor == nullptr) continue;
    most = std::max(
        most, static_cast<double>(elements_of(*tensor)) / static_cast<double>(unit_elements[i]));
  }
  return most;
}

std::vector<Tensor> made_up_inputs(std::span<const TensorInfo> inputs, std::int64_t rows) {
  std::vector<Tensor> made;
  made.reserve(inputs.size());
  for (const TensorInfo& info : inputs) {
    Shape shape = info.shape;
    for (std::size_t d = 0; d < shape.rank(); ++d) {
      if (shape[d] < 0) shape[d] = d == 0 ? rows : 1;
    }
    Tensor tensor = make_tensor(info.name, info.type, shape);
    std::ranges::fill(tensor.data.bytes(), std::byte{0});
    made.push_back(std::move(tensor));
  }
  return made;
}

RunCost fit_cost(Duration one, Duration many, double units) {
  RunCost cost{.measured = units};
  const auto difference = static_cast<double>((many - one).count());
  if (units > 1) cost.each_ns = std::max(0.0, difference / (units - 1));
  const Duration each(static_cast<std::int64_t>(cost.each_ns));
  cost.fixed = std::max(Duration::zero(), one - each);
  return cost;
}

WarmUp warm_up(Session& session, std::size_t rows, const Clock& clock) {
  if (session.loops()) {
    return {std::nullopt, invalid("it loops, as often as its input says: no run tells of another")};
  }
  const auto one_row = made_up_inputs(session.inputs(), 1);
  // The first run of all allocates and learns; it does not count.
  if (auto ok = session.learn_labels(one_row); !ok) return {std::nullopt, ok.error()};
  const auto one = run_a_few(session, one_row, clock);
  if (!one) return {std::nullopt, one.error()};

  const Duration time_of_one = one->shortest;
  RunCost cost = fit_cost(time_of_one, time_of_one, 1);
  if (any_free(session.inputs())) {
    // Where more rows do not work, or dimension 0 is fixed, each further unit counts as a whole
    // run: rather too long than too short.
    cost = {Duration::zero(), static_cast<double>(time_of_one.count()), {}, 1};
    const bool free_rows = std::ranges::any_of(session.inputs(), [](const TensorInfo& input) {
      return input.shape.rank() > 0 && input.shape.dims().front() < 0;
    });
    if (free_rows && rows > 1 && time_of_one < kEnough) {
      const auto many_rows = made_up_inputs(session.inputs(), static_cast<std::int64_t>(rows));
      if (const auto many = run_a_few(session, many_rows, clock)) {
        cost = fit_cost(time_of_one, many->shortest, static_cast<double>(rows));
        session.guess_shapes(one->outputs, many->outputs, static_cast<std::int64_t>(rows));
      }
    }
  } else {
    session.guess_shapes(one->outputs, one->outputs, 1);
  }
  for (const Tensor& tensor : one_row) cost.unit_elements.push_back(elements_of(tensor));
  return {std::move(cost), std::nullopt};
}

}  // namespace sluice::onnx
