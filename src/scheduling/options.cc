#include "scheduling/options.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "config/config.h"
#include "config/units.h"

namespace sluice::scheduling {

using namespace std::chrono_literals;

void describe(config::Choices<Order>& c) {
  c.choice("fifo", Order::kFifo, "the oldest first")
      .choice("lifo", Order::kLifo, "the newest first")
      .choice("adaptive", Order::kAdaptive,
              "the oldest first; where more come than can be served, the newest first, and who has "
              "waited too long is refused");
}

void describe(config::Choices<Preemption>& c) {
  c.choice("none", Preemption::kNone, "what runs, runs to its end")
      .choice("full", Preemption::kFull,
              "the engine pauses best effort while realtime runs; each class has slots of its own");
}

namespace {
// What both classes have. A member of the base is one of T.
template <class T>
void describe_class(config::Fields<T>& f) {
  const auto of = []<class Member>(Member ClassOptions::* member) {
    return static_cast<Member T::*>(member);
  };
  f.field("order", of(&ClassOptions::order), "Which of those that wait goes next.");
  f.field("depth", of(&ClassOptions::depth), "How many may wait; one more is refused.")
      .range(0, kMaxDepth)
      .default_is("that of both classes");
  f.field("queue_timeout", of(&ClassOptions::queue_timeout),
          "How long a call may wait before it is refused; 0s: as long as its deadline allows.")
      .at_most(24h * 7);
  f.field("fair_between_tenants", of(&ClassOptions::fair_between_tenants),
          "Whether tenants get equal parts, by the work that was done for each; else all are one.");
  f.field("codel_target", of(&ClassOptions::codel_target),
          "With adaptive order and more calls than can be served: who has waited longer than this, "
          "and longer than a call takes, is refused.")
      .range(1ms, 1h);
  f.field("codel_interval", of(&ClassOptions::codel_interval),
          "With adaptive order: for how long there must have been somebody waiting, four times as "
          "long as a call takes at least, for more to come than can be served.")
      .range(1ms, 1h);
}
}  // namespace

void describe(config::Fields<RealtimeOptions>& f) {
  f.about("realtime_class", "Calls for which a person waits.");
  describe_class(f);
}

void describe(config::Fields<BestEffortOptions>& f) {
  f.about("best_effort_class", "Calls for which nobody waits.");
  describe_class(f);
  f.field("share", &BestEffortOptions::share,
          "The part of the engine's time that it gets at least while it waits, whatever comes in "
          "realtime.")
      .range(0.0, 0.5);
  f.field("ageing_after", &BestEffortOptions::ageing_after,
          "A call that has waited this long goes before younger ones of its tenant, in every "
          "order.")
      .at_most(24h * 7);
  f.field("promote_after", &BestEffortOptions::promote_after,
          "A call that has waited this long is the first to get the share, the oldest before all, "
          "whatever the order and whose it is.")
      .at_most(24h * 7);
}

void describe(config::Fields<ClassesOptions>& f) {
  f.about("classes", "Who gets the next slot, for all callables that have slots.");
  f.field("realtime", &ClassesOptions::realtime, "Calls for which a person waits.");
  f.field("best_effort", &ClassesOptions::best_effort, "Calls for which nobody waits.");
}

void describe(config::Fields<SlotOptions>& f) {
  f.about(
      "slots",
      "How many calls a backend runs at once, and who gets the next slot. What is not said of a "
      "class is as in `classes`.");
  f.here(&SlotOptions::where);
  f.field("slots", &SlotOptions::slots, "How many calls run at once.").range(1, kMaxSlots);
  f.field("reserved", &SlotOptions::reserved, "How many of them are kept free of best effort.")
      .range(0, kMaxSlots)
      .default_is("one where there is more than one");
  f.field("preemption", &SlotOptions::preemption,
          "Whether the engine pauses best effort by itself; language models of this process always "
          "do.");
  f.field("best_effort_slots", &SlotOptions::best_effort_slots,
          "With preemption: full, how many best-effort calls it holds beside `slots` of realtime.")
      .range(1, kMaxSlots)
      .default_is("as many as slots");
  f.field("depth", &SlotOptions::depth, "How many calls of each class may wait.")
      .range(0, kMaxDepth);
  f.field("leak_after", &SlotOptions::leak_after,
          "A slot that is held for longer is reported as one that may have been lost.")
      .range(1s, 24h);
  f.field("realtime", &SlotOptions::realtime, "Calls for which a person waits.");
  f.field("best_effort", &SlotOptions::best_effort, "Calls for which nobody waits.");
}

namespace {
void validate_ages(const BestEffortOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"best_effort"}) && o.promote_after < o.ageing_after) {
    p.add(at.near("best_effort"), formatted("promote_after, {}, is shorter than ageing_after, {}",
                                            config::format_duration(o.promote_after),
                                            config::format_duration(o.ageing_after)));
  }
}
}  // namespace

void validate(const ClassesOptions& o, config::Problems& p, const config::Node& at) {
  validate_ages(o.best_effort, p, at);
}

void validate(const SlotOptions& o, config::Problems& p, const config::Node& at) {
  if (!p.were_read(at, {"slots", "reserved", "preemption"})) return;
  if (o.preemption == Preemption::kFull) {
    if (o.reserved) p.add(at.near("reserved"), "with preemption: full nothing is to be reserved");
    return;
  }
  if (o.best_effort_slots) {
    p.add(at.near("best_effort_slots"), "only with preemption: full has best effort its own slots");
  }
  if (o.reserved_slots() >= o.slots) {
    p.add(at.near("reserved"),
          formatted("best effort would never run: at most {} of {} slots can be reserved",
                    o.slots - 1, o.slots));
  }
}

SlotOptions with_classes(SlotOptions own, const ClassesOptions& common) {
  own.realtime = common.realtime;
  own.best_effort = common.best_effort;
  // Its own words once more, over those values in place of the built-in ones.
  config::Problems known;
  if (const auto at = own.where.find("realtime")) config::read_over(own.realtime, *at, known);
  if (const auto at = own.where.find("best_effort")) config::read_over(own.best_effort, *at, known);
  return own;
}

void validate_classes(const SlotOptions& o, config::Problems& p) {
  validate_ages(o.best_effort, p, o.where);
  if (!p.were_read(o.where, {"slots", "reserved", "preemption", "best_effort"})) return;
  const std::size_t reserved = o.reserved_slots();
  if (reserved >= o.slots) return;
  const double share = o.best_effort.share;
  if (share * static_cast<double>(o.slots) > static_cast<double>(o.slots - reserved)) {
    p.add(o.where.near("best_effort"),
          formatted("a share of {} is more than the {} of {} slots that are not reserved", share,
                    o.slots - reserved, o.slots));
  }
}

std::size_t SlotOptions::reserved_slots() const {
  if (preemption == Preemption::kFull) return 0;
  return reserved.value_or(slots > 1 ? 1 : 0);
}

std::size_t SlotOptions::most_of(ServiceClass service_class) const {
  if (service_class == ServiceClass::kRealtime) {
    return std::min(slots, realtime_slots.value_or(slots));
  }
  if (preemption == Preemption::kFull) return best_effort_slots.value_or(slots);
  return slots - std::min(slots, reserved_slots());
}

std::size_t SlotOptions::depth_of(ServiceClass service_class) const {
  return of(service_class).depth.value_or(depth);
}

const ClassOptions& SlotOptions::of(ServiceClass service_class) const {
  if (service_class == ServiceClass::kRealtime) return realtime;
  return best_effort;
}

}  // namespace sluice::scheduling
