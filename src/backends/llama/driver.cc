#include "backends/llama/driver.h"

#include <algorithm>
#include <cmath>

namespace sluice::llama {

namespace {

constexpr double kArrivalWeight = 0.2;  // of the newest interval between arrivals
constexpr int kMostTurnsOwed = 2;       // of the longest steps
constexpr Duration kShortestStep = std::chrono::milliseconds(5);
constexpr std::uint32_t kFirstStep = 16;  // tokens, while it is not known what a step takes

bool is(const SequenceView& sequence, ServiceClass of) {
  return sequence.service_class == of;
}

bool has(std::span<const SequenceView> sequences, ServiceClass of) {
  return std::ranges::any_of(sequences, [&](const SequenceView& s) { return is(s, of); });
}

std::uint64_t context_of(std::span<const SequenceView> sequences, ServiceClass of) {
  std::uint64_t context = 0;
  for (const SequenceView& s : sequences) {
    if (is(s, of)) context += s.position;
  }
  return context;
}

Duration smoothed(Duration known, Duration newest) {
  return std::chrono::duration_cast<Duration>(known * (1 - kArrivalWeight) +
                                              newest * kArrivalWeight);
}

}  // namespace

void Driver::arrived(ServiceClass service_class, TimePoint now) {
  if (service_class != ServiceClass::kRealtime) return;
  if (last_arrival_) {
    const Duration interval = now - *last_arrival_;
    between_arrivals_ =
        between_arrivals_ == Duration::zero() ? interval : smoothed(between_arrivals_, interval);
  }
  last_arrival_ = now;
}

// The interval that has not ended yet counts as soon as it is a long one: a crowd that has gone
// must not be waited for.
Duration Driver::between_arrivals(TimePoint now) const {
  if (between_arrivals_ == Duration::zero()) return Duration::zero();
  const Duration since = now - *last_arrival_;
  return since > between_arrivals_ ? smoothed(between_arrivals_, since) : between_arrivals_;
}

// A step of length T wastes its fixed cost a once in T, and realtime that arrives every 1/r waits
// for half of it: a/T + rT/2 is least at T = sqrt(2a/r).
Duration Driver::best_effort_step(TimePoint now) const {
  if (!options_.shared) return Duration::max();
  const Duration between = between_arrivals(now);
  if (between == Duration::zero()) return options_.realtime_wait;
  const double best = std::sqrt(2.0 * to_seconds(cost_.base()) * to_seconds(between));
  if (best >= to_seconds(options_.realtime_wait)) return options_.realtime_wait;
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

// While best effort waits, a prompt is cut so that one step of best effort makes up for each step:
// there are never two.
std::uint32_t Driver::realtime_budget(std::span<const SequenceView> sequences) const {
  if (!options_.shared || !cost_.trained() || !has(sequences, ServiceClass::kBestEffort)) {
    return options_.step_tokens;
  }
  const auto decoding = std::ranges::count_if(sequences, [](const SequenceView& s) {
    return is(s, ServiceClass::kRealtime) && s.prompt_left == 0;
  });
  const std::uint32_t most = cost_.tokens_within(owed_.made_up_by(options_.realtime_wait),
                                                 context_of(sequences, ServiceClass::kRealtime));
  return std::min(options_.step_tokens, std::max(most, static_cast<std::uint32_t>(decoding) + 1));
}

std::uint32_t Driver::best_effort_budget(std::span<const SequenceView> sequences,
                                         Duration step) const {
  if (!options_.shared) return options_.step_tokens;
  // Until it is known how long a step takes, short ones.
  if (!cost_.trained()) return std::min(options_.step_tokens, kFirstStep);
  // What was never tried is not believed: a step grows from the last one.
  const std::uint32_t most = std::max(kFirstStep, last_step_ * 2);
  const std::uint64_t context = context_of(sequences, ServiceClass::kBestEffort);
  return std::min({options_.step_tokens, most, cost_.tokens_within(step, context)});
}

// Best effort that decodes rides along as far as nobody notices.
void Driver::add_unnoticed(StepPlan& plan, std::span<const SequenceView> sequences) const {
  const double most = to_ms(cost_.estimate(plan.size)) * options_.realtime_slowdown;
  for (const SequenceView& sequence : sequences) {
    if (!is(sequence, ServiceClass::kBestEffort) || sequence.prompt_left != 0) continue;
    if (plan.size.tokens >= options_.step_tokens) return;
    const StepSize with{.tokens = plan.size.tokens + 1,
                        .context = plan.size.context + sequence.position};
    if (to_ms(cost_.estimate(with)) > most) return;
    add(plan, sequence, 1);
  }
}

StepPlan Driver::plan(std::span<const SequenceView> sequences, TimePoint now) const {
  StepPlan plan;
  const bool realtime = has(sequences, ServiceClass::kRealtime);
  const bool best_effort = has(sequences, ServiceClass::kBestEffort);
  const Duration step = best_effort_step(now);
  const bool its_turn = best_effort && options_.shared && owed_.is_turn(step);
  if (realtime && !its_turn) {
    add_class(plan, sequences, ServiceClass::kRealtime, realtime_budget(sequences));
    const bool prompts = std::ranges::any_of(sequences, [](const SequenceView& s) {
      return is(s, ServiceClass::kRealtime) && s.prompt_left != 0;
    });
    if (options_.shared && cost_.trained() && !prompts) add_unnoticed(plan, sequences);
    return plan;
  }
  if (!best_effort) return plan;
  // A turn may take as long as what is owed.
  const Duration longest =
      realtime ? std::max(step, std::min(owed_.owed(), options_.realtime_wait)) : step;
  add_class(plan, sequences, ServiceClass::kBestEffort, best_effort_budget(sequences, longest));
  return plan;
}

void Driver::stepped(const StepPlan& plan, Duration took, bool best_effort_waits) {
  cost_.learn(plan.size, took);
  if (!plan.realtime) last_step_ = plan.size.tokens;
  broke_off(plan, took, best_effort_waits);
}

void Driver::broke_off(const StepPlan& plan, Duration took, bool best_effort_waits) {
  if (options_.shared) {
    owed_.spent(plan.realtime, took, best_effort_waits, kMostTurnsOwed * options_.realtime_wait);
  }
}

ServiceClass Driver::next_place_for(std::span<const SequenceView> seated) const {
  const bool whole_turn = options_.shared && owed_.is_turn(options_.realtime_wait);
  return whole_turn && !has(seated, ServiceClass::kBestEffort) ? ServiceClass::kBestEffort
                                                               : ServiceClass::kRealtime;
}

std::optional<std::uint32_t> Driver::to_park(std::span<const SequenceView> seated,
                                             TimePoint now) const {
  const SequenceView* newest = nullptr;
  std::size_t count = 0;
  for (const SequenceView& sequence : seated) {
    if (!is(sequence, ServiceClass::kBestEffort)) continue;
    ++count;
    if (newest == nullptr || sequence.order > newest->order) newest = &sequence;
  }
  if (newest == nullptr) return std::nullopt;
  if (count == 1 && owed_.is_turn(best_effort_step(now))) return std::nullopt;
  return newest->id;
}

}  // namespace sluice::llama
