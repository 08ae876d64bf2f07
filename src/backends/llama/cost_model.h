// How long a step of an engine takes: a + b x tokens + c x context, learnt from the steps made.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace sluice::llama {

// What a step is made of.
struct StepSize {
  std::uint32_t tokens = 0;
  std::uint64_t context = 0;  // summed over its sequences: tokens already there
};

// Least squares over what was seen, where older steps count less, so that it follows a machine that
// becomes slower or faster; errors count in relation to what a step took; no term is negative
// (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23, by trying all sets of
// terms, since there are three). The model is that of HyGen (arXiv:2501.14808). A value; one
// thread.
class CostModel {
 public:
  void learn(const StepSize& step, Duration took);
  [[nodiscard]] Duration estimate(const StepSize& step) const;
  // The fixed part of a step.
  [[nodiscard]] Duration base() const;
  // The most tokens whose step over `context` is estimated to take no longer than `within`; at
  // least 1.
  [[nodiscard]] std::uint32_t tokens_within(Duration within, std::uint64_t context) const;
  // Whether enough steps were seen to believe it.
  [[nodiscard]] bool trained() const { return seen_ >= kTrained; }

 private:
  static constexpr std::uint32_t kTrained = 8;
  using Vector = std::array<double, 3>;

  void fit();

  Vector terms_{};                   // ms: of a step, of a hundred tokens, of a thousand of context
  std::array<Vector, 3> squares_{};  // sums of products of features, forgotten slowly
  Vector products_{};                // of features and what was measured
  std::uint32_t seen_ = 0;
};

}  // namespace sluice::llama
