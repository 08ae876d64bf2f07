#include "backends/llama/driver.h"

#include <algorithm>
#include <cmath>

namespace sluice::llama {

namespace {

constexpr double kArrivalWeight = 0.2;  // of the newest interval between arrivals
constexpr Duration kShortestStep = std::chrono::milliseconds(5);
constexpr std::uint32_t kFirstStep = 16;  // tokens, while it is not known what a step takes

bool is(const SequenceView& sequence, ServiceClass of) {
  return sequence.service_class == of;
}

}  // namespace

void Driver::arrived(ServiceClass service_class, TimePoint now) {
  if (service_class != ServiceClass::kRealtime) return;
  if (last_arrival_) {
    const Duration interval = now - *last_arrival_;
    between_arrivals_ =
        between_arrivals_ == Duration::zero()
            ? interval
            : std::chrono::duration_cast<Duration>(between_arrivals_ * (1 - kArrivalWeight) +
                                                   interval * kArrivalWeight);
  }
  last_arrival_ = now;
}

// A step of length T wastes its fixed cost a once in T, and realtime that arrives every 1/r waits
// for half of it: a/T + rT/2 is least at T = sqrt(2a/r).
Duration Driver::best_effort_step() const {
  if (!options_.shared) return Duration::max();
  if (between_arrivals_ == Duration::zero()) return options_.realtime_wait;
  const double best = std::sqrt(2.0 * to_seconds(cost_.base()) * to_seconds(between_arrivals_));
  const auto step = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(best));
  return std::min(std::max(step, kShortestStep), options_.realtime_wait);
}

void Driver::add(StepPlan& plan, const SequenceView& sequence, std::uint32_t tokens) const {
  plan.work.push_back({sequence.id, tokens});
  plan.size.tokens += tokens;
  plan.size.context += sequence.position;
  plan.realtime |= is(sequence, ServiceClass::kRealtime);
}

// Decoding first, one token each; prompts in the order in which they came.
void Driver::add_class(StepPlan& plan, std::span<const SequenceView> sequences, ServiceClass of,
                       std::uint32_t budget) const {
  bool decoding = false;
  for (const SequenceView& sequence : sequences) {
    if (!is(sequence, of) || sequence.prompt_left != 0 || plan.size.tokens >= budget) continue;
    add(plan, sequence, 1);
    decoding = true;
  }
  std::vector<const SequenceView*> prompts;
  for (const SequenceView& sequence : sequences) {
    if (is(sequence, of) && sequence.prompt_left != 0) prompts.push_back(&sequence);
  }
  std::ranges::sort(prompts, {}, &SequenceView::order);
  std::uint32_t left = budget - std::min(budget, plan.size.tokens);
  if (decoding) left = std::min(left, options_.chunk_beside_decoding);
  for (const SequenceView* sequence : prompts) {
    const std::uint32_t tokens = std::min(left, sequence->prompt_left);
    if (tokens == 0) break;
    add(plan, *sequence, tokens);
    left -= tokens;
  }
}

StepPlan Driver::plan(std::span<const SequenceView> sequences) const {
  const auto has = [&](ServiceClass of) {
    return std::ranges::any_of(sequences, [&](const SequenceView& s) { return is(s, of); });
  };
  StepPlan plan;
  const bool best_effort = has(ServiceClass::kBestEffort);
  const bool its_turn = best_effort && options_.shared && owed_ >= best_effort_step();
  if (has(ServiceClass::kRealtime) && !its_turn) {
    add_class(plan, sequences, ServiceClass::kRealtime, options_.step_tokens);
    if (!options_.shared || !best_effort || !cost_.trained()) return plan;
    // Best effort that decodes rides along as far as nobody notices.
    const bool prompts = std::ranges::any_of(sequences, [](const SequenceView& s) {
      return is(s, ServiceClass::kRealtime) && s.prompt_left != 0;
    });
    if (prompts) return plan;
    const double most = to_ms(cost_.estimate(plan.size)) * options_.realtime_slowdown;
    for (const SequenceView& sequence : sequences) {
      if (!is(sequence, ServiceClass::kBestEffort) || sequence.prompt_left != 0) continue;
      if (plan.size.tokens >= options_.step_tokens) break;
      const StepSize with{.tokens = plan.size.tokens + 1,
                          .context = plan.size.context + sequence.position};
      if (to_ms(cost_.estimate(with)) > most) break;
      add(plan, sequence, 1);
    }
    return plan;
  }
  if (!best_effort) return plan;
  std::uint32_t budget = options_.step_tokens;
  if (options_.shared) {
    // Until it is known how long a step takes, short ones.
    std::uint64_t context = 0;
    for (const SequenceView& s : sequences) {
      if (is(s, ServiceClass::kBestEffort)) context += s.position;
    }
    // What was never tried is not believed: a step grows from the last one.
    const std::uint32_t most = std::max(kFirstStep, last_step_ * 2);
    budget = std::min(budget, cost_.trained()
                                  ? std::min(most, cost_.tokens_within(best_effort_step(), context))
                                  : kFirstStep);
  }
  add_class(plan, sequences, ServiceClass::kBestEffort, budget);
  return plan;
}

void Driver::stepped(const StepPlan& plan, Duration took, bool best_effort_waits) {
  cost_.learn(plan.size, took);
  if (!plan.realtime) last_step_ = plan.size.tokens;
  if (!options_.shared) return;
  if (!best_effort_waits) {
    owed_ = Duration::zero();
  } else if (plan.realtime) {
    const double share = options_.best_effort_share;
    owed_ += std::chrono::duration_cast<Duration>(took * (share / (1 - share)));
  } else {
    owed_ = std::max(owed_ - took, Duration::zero());
  }
}

std::optional<std::uint32_t> Driver::to_park(std::span<const SequenceView> sequences) {
  const SequenceView* newest = nullptr;
  for (const SequenceView& sequence : sequences) {
    if (is(sequence, ServiceClass::kBestEffort) &&
        (newest == nullptr || sequence.order > newest->order)) {
      newest = &sequence;
    }
  }
  if (newest == nullptr) return std::nullopt;
  return newest->id;
}

}  // namespace sluice::llama
