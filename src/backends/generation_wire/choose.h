// Which of several engines a call goes to: a pure policy.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"
#include "inference/callable.h"

namespace sluice::generation_wire {

enum class Holds : std::uint8_t { kUnknown, kYes, kNo };

// What is known of an engine.
struct EngineState {
  std::uint32_t slots = 1;
  double weight = 1.0;
  std::uint32_t reserved = 0;  // slots that best effort does not get
  bool best_effort_only = false;
  std::uint32_t used = 0;         // slots
  std::uint32_t best_effort = 0;  // of these, by best effort
  bool usable = true;             // not left out, and reached when it was last asked for its models
  Holds holds = Holds::kUnknown;
  bool loaded = false;     // holds the model in memory
  TimePoint busy_until{};  // as it said when it refused a call
  bool operator==(const EngineState&) const = default;
};

// Has it a free slot for a call of that class?
bool has_slot(const EngineState& engine, ServiceClass service_class);

// What to do with an engine that just refused a call.
enum class Busy : std::uint8_t { kLast, kPassOver };

struct Choice {
  enum class Kind : std::uint8_t { kEngine, kWait, kNobody };
  Kind kind = Kind::kNobody;
  std::size_t engine = 0;  // of kEngine
};

// Only the best that are left count: those that can be used, then those that may hold the model,
// then, for realtime, those for everybody; worse ones only when there is no better one, however
// busy that is. Among them one with a free slot, for best effort one that is not reserved: it takes
// engines for everybody first; then one that did not just refuse, then one that has the model in
// memory, then the idlest by slots and weight, then the next one round from `turn`. With kPassOver
// one that just refused counts as full.
// `tried` is a mask of those that failed this call already: with none left it is kNobody.
Choice choose(std::span<const EngineState> engines, ServiceClass service_class, std::uint64_t tried,
              TimePoint now, std::size_t turn, Busy busy = Busy::kLast);

}  // namespace sluice::generation_wire
