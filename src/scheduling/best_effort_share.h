// Keeps account of the engine's time that best effort got, and says when its share is due.
#pragma once

#include <cstddef>
#include <optional>

#include "base/time.h"
#include "scheduling/options.h"

namespace sluice::scheduling {

// How the slots were used since the last look.
struct EngineUse {
  std::size_t realtime_held = 0;
  std::size_t best_effort_held = 0;
  bool best_effort_waits = false;
};

// A debt in time: it grows by the share of the engine's time while best effort is there, and falls
// by the time that best effort gets. Time that it got beyond its share counts for kMemory, so a
// lone night of best effort is not held against the day. A value; one owner, one thread; the time
// is passed in.
//
// The engine's time is that of its slots; with full preemption it is one engine, which works for
// best effort while no realtime call runs. It is paid then where calls of realtime leave a gap: the
// next one is held back until nothing is owed. Where they overlap and leave none, none begins from
// a debt of most_owed() on: emptying all of realtime's slots costs more than what is paid, so it is
// done rarely, and a call never waits beside a free slot for a smaller debt.
class BestEffortShare {
 public:
  static constexpr Duration kMemory = std::chrono::seconds(60);
  // With full preemption: as much as is paid back in one go, because to start and stop costs.
  static constexpr Duration kQuantum = std::chrono::milliseconds(100);
  // With full preemption: more is never owed to who is there, but for the time until the slots are
  // empty. The share of kMemory, within these bounds.
  static constexpr Duration kMostOwed = std::chrono::seconds(3);
  static Duration most_owed(double share);

  explicit BestEffortShare(const SlotOptions& options);

  // `use` was the case from the last call until now.
  void advance(TimePoint now, const EngineUse& use);
  // With `use` from now on: whether best effort goes before realtime.
  [[nodiscard]] bool due(const EngineUse& use);
  // With full preemption: when what is due will have been given, where nothing else happens.
  [[nodiscard]] std::optional<TimePoint> given_at(const EngineUse& use) const;
  [[nodiscard]] Duration debt() const { return Duration(static_cast<Duration::rep>(debt_ns_)); }

 private:
  bool full_;
  double share_;
  double most_owed_ns_;
  double engines_;  // what has time to give
  double debt_ns_ = 0;
  bool holding_ = false;  // with full preemption: realtime is held back
  std::optional<TimePoint> last_;
};

}  // namespace sluice::scheduling
