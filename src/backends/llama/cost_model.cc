#include "backends/llama/cost_model.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace sluice::llama {

namespace {

constexpr double kForgetting = 0.98;  // what a step still counts when the next one comes
// Terms that steps do not tell apart are kept small.
constexpr double kRidge = 1e-6;
// So that all terms are of like size.
constexpr double kTokenUnit = 100.0;
constexpr double kContextUnit = 1000.0;
constexpr double kShortest = 1e-3;  // ms

std::array<double, 3> features(const StepSize& step) {
  return {1.0, static_cast<double>(step.tokens) / kTokenUnit,
          static_cast<double>(step.context) / kContextUnit};
}

}  // namespace

void CostModel::learn(const StepSize& step, Duration took) {
  const double ms = std::max(to_ms(took), kShortest);
  Vector x = features(step);
  for (double& value : x) value /= ms;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      squares_[i][j] = kForgetting * squares_[i][j] + x[i] * x[j];
    }
    products_[i] = kForgetting * products_[i] + x[i];
  }
  if (seen_ < kTrained) ++seen_;
  fit();
}

// For each set of terms the others are zero; of the solutions without a negative term the one with
// the least error is taken.
void CostModel::fit() {
  double least = 0;  // of the error, less what all have in common
  for (unsigned set = 1; set < 8; ++set) {
    std::array<std::array<double, 4>, 3> m{};
    for (std::size_t i = 0; i < 3; ++i) {
      const bool in = (set >> i & 1U) != 0;
      for (std::size_t j = 0; j < 3 && in; ++j) {
        if ((set >> j & 1U) != 0) m[i][j] = squares_[i][j];
      }
      m[i][i] = in ? m[i][i] * (1 + kRidge) + 1e-12 : 1.0;
      m[i][3] = in ? products_[i] : 0.0;
    }
    for (std::size_t i = 0; i < 3; ++i) {  // positive definite: no pivoting
      for (std::size_t k = 0; k < 3; ++k) {
        if (k == i) continue;
        const double factor = m[k][i] / m[i][i];
        for (std::size_t j = i; j < 4; ++j) m[k][j] -= factor * m[i][j];
      }
    }
    Vector terms{};
    bool negative = false;
    for (std::size_t i = 0; i < 3; ++i) {
      terms[i] = m[i][3] / m[i][i];
      negative |= terms[i] < 0;
    }
    if (negative) continue;
    double error = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      error -= 2 * terms[i] * products_[i];
      for (std::size_t j = 0; j < 3; ++j) error += terms[i] * squares_[i][j] * terms[j];
    }
    if (error < least) {
      least = error;
      terms_ = terms;
    }
  }
}

Duration CostModel::estimate(const StepSize& step) const {
  const auto x = features(step);
  double ms = 0;
  for (std::size_t i = 0; i < 3; ++i) ms += terms_[i] * x[i];
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
}

Duration CostModel::base() const {
  return estimate({});
}

std::uint32_t CostModel::tokens_within(Duration within, std::uint64_t context) const {
  const double left = to_ms(within) - to_ms(estimate({.tokens = 0, .context = context}));
  const double each = terms_[1] / kTokenUnit;
  if (left <= each) return 1;
  constexpr double kMost = 1 << 20;
  return static_cast<std::uint32_t>(each <= left / kMost ? kMost : std::floor(left / each));
}

}  // namespace sluice::llama
