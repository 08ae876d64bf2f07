// What can be said of a backend's slots: how many, and who gets them in which order. In the
// configuration it stands in `slots` of a callable, and the order for all callables in `classes`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "config/describe.h"
#include "inference/callable.h"

namespace sluice::scheduling {

// Which of a class's waiting calls goes next.
enum class Order : std::uint8_t {
  kFifo,
  kLifo,
  kAdaptive,  // first come first served, until more come than can be served: then the newest first
};
void describe(config::Choices<Order>& c);

enum class Preemption : std::uint8_t {
  kNone,  // what runs, runs to its end
  kFull,  // the engine pauses best effort by itself as soon as realtime runs
};
void describe(config::Choices<Preemption>& c);

struct ClassOptions {
  Order order = Order::kFifo;
  std::optional<std::size_t> depth;  // SlotOptions::depth where not said
  Duration queue_timeout{};          // zero: none
  bool fair_between_tenants = true;
  Duration codel_target = std::chrono::milliseconds(500);  // of adaptive order
  Duration codel_interval = std::chrono::seconds(2);
};

struct RealtimeOptions : ClassOptions {
  RealtimeOptions() {
    order = Order::kAdaptive;
    queue_timeout = std::chrono::minutes(1);
  }
};
void describe(config::Fields<RealtimeOptions>& f);

struct BestEffortOptions : ClassOptions {
  BestEffortOptions() { queue_timeout = std::chrono::hours(1); }
  double share = 0.05;  // of the engine's time, while it waits
  Duration ageing_after = std::chrono::seconds(60);
  Duration promote_after = std::chrono::seconds(120);
};
void describe(config::Fields<BestEffortOptions>& f);

// For all callables that have slots; what one of them says itself goes before.
struct ClassesOptions {
  RealtimeOptions realtime;
  BestEffortOptions best_effort;
};
void describe(config::Fields<ClassesOptions>& f);
void validate(const ClassesOptions& o, config::Problems& p, const config::Node& at);

struct SlotOptions {
  std::size_t slots = 2;
  std::optional<std::size_t> reserved;
  Preemption preemption = Preemption::kNone;
  std::optional<std::size_t> best_effort_slots;  // with full preemption
  // Without preemption, of `slots`: where realtime may have fewer at once, because some engines are
  // for best effort. Known of the engines, and not configured.
  std::optional<std::size_t> realtime_slots;
  std::size_t depth = 256;
  Duration leak_after = std::chrono::seconds(300);
  RealtimeOptions realtime;
  BestEffortOptions best_effort;
  config::Node where;

  // Kept free of best effort.
  [[nodiscard]] std::size_t reserved_slots() const;
  // How many calls of a class may run at once where none of the other does.
  [[nodiscard]] std::size_t most_of(ServiceClass service_class) const;
  [[nodiscard]] std::size_t depth_of(ServiceClass service_class) const;
  [[nodiscard]] const ClassOptions& of(ServiceClass service_class) const;
};
void describe(config::Fields<SlotOptions>& f);
void validate(const SlotOptions& o, config::Problems& p, const config::Node& at);
// `own` as it was read, with `common` wherever it says nothing of a class.
SlotOptions with_classes(SlotOptions own, const ClassesOptions& common);
// What the classes demand of each other and of the slots, for options that are complete.
void validate_classes(const SlotOptions& o, config::Problems& p);

// More than this many calls never wait in one class.
inline constexpr std::size_t kMaxDepth = 10'000;
inline constexpr std::size_t kMaxSlots = 1000;

}  // namespace sluice::scheduling
