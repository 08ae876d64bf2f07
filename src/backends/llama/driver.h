// What the next step of a context computes: which sequences decode, whose prompt gets the next
// chunk, who pauses, who is parked.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backends/llama/cost_model.h"
#include "backends/llama/share_owed.h"
#include "base/time.h"
#include "inference/callable.h"

namespace sluice::llama {

struct DriverOptions {
  std::uint32_t step_tokens = 512;  // the most in a step
  // Of a prompt, while other sequences of its class decode: what their next token waits for.
  std::uint32_t chunk_beside_decoding = 128;
  // Whether both classes share this context. Where they do not, the kernel keeps best effort out of
  // realtime's way, and its steps may be as long as they like.
  bool shared = false;
  // Shared: how long realtime that arrives may have to wait for a step of best effort.
  Duration realtime_wait = std::chrono::milliseconds(50);
  // Shared: how much longer a step of realtime may become by best effort that decodes in it.
  double realtime_slowdown = 1.05;
  // Shared: the part of the time that best effort keeps while it waits.
  double best_effort_share = kBestEffortShare;
};

// A sequence that has a place in the context.
struct SequenceView {
  std::uint32_t id = 0;
  ServiceClass service_class = ServiceClass::kRealtime;
  std::uint32_t prompt_left = 0;  // tokens; 0: it decodes
  std::uint32_t position = 0;     // tokens in the context
  std::uint64_t order = 0;        // of arrival
};

struct StepPlan {
  struct Work {
    std::uint32_t id = 0;
    std::uint32_t tokens = 0;
  };
  std::vector<Work> work;
  StepSize size;
  bool realtime = false;  // somebody waits for this step
  [[nodiscard]] bool empty() const { return work.empty(); }
};

// A pure state machine: it looks at the sequences, and at what steps took. Chunked prefill is
// Sarathi-Serve's (arXiv:2403.02310). One thread.
class Driver {
 public:
  explicit Driver(const DriverOptions& options)
      : options_(options), owed_(options.best_effort_share) {}

  // A call came to the context.
  void arrived(ServiceClass service_class, TimePoint now);
  // The next step; none when there is nothing to do. Every sequence that is here and not in it
  // pauses.
  [[nodiscard]] StepPlan plan(std::span<const SequenceView> sequences, TimePoint now) const;
  // It was made, with best effort waiting beside it or not.
  void stepped(const StepPlan& plan, Duration took, bool best_effort_waits);
  // The same, but it was given up or went wrong: only its time was spent.
  void broke_off(const StepPlan& plan, Duration took, bool best_effort_waits);

  // Which class the next free place is for: realtime, unless it has kept best effort off all of
  // them until a whole turn was owed.
  [[nodiscard]] ServiceClass next_place_for(std::span<const SequenceView> seated) const;
  // Realtime has come and no place is free: who gives its place up, to be continued later. The last
  // of best effort keeps it for a step that is its turn.
  [[nodiscard]] std::optional<std::uint32_t> to_park(std::span<const SequenceView> seated,
                                                     TimePoint now) const;

  // How long a step of best effort alone may be; Duration::max() where it does not matter.
  [[nodiscard]] Duration best_effort_step(TimePoint now) const;

 private:
  [[nodiscard]] Duration between_arrivals(TimePoint now) const;
  [[nodiscard]] std::uint32_t realtime_budget(std::span<const SequenceView> sequences) const;
  [[nodiscard]] std::uint32_t best_effort_budget(std::span<const SequenceView> sequences,
                                                 Duration step) const;
  void add(StepPlan& plan, const SequenceView& sequence, std::uint32_t tokens) const;
  void add_class(StepPlan& plan, std::span<const SequenceView> sequences, ServiceClass of,
                 std::uint32_t budget) const;
  void add_unnoticed(StepPlan& plan, std::span<const SequenceView> sequences) const;

  const DriverOptions options_;
  CostModel cost_;
  std::optional<TimePoint> last_arrival_;  // of realtime
  Duration between_arrivals_{};            // smoothed; zero: not known
  ShareOwed owed_;                         // never more than one step makes up for
  std::uint32_t last_step_ = 0;            // tokens of the last step of best effort alone
};

}  // namespace sluice::llama
