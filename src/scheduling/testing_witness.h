// Who watches a queue of slots in a simulation and knows what must hold. It keeps its own account
// from what happened, and shares no decision with the queue.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduling/slot_queue.h"

namespace sluice::scheduling::testing {

class Witness {
 public:
  explicit Witness(const SlotOptions& options) : options_(options) {}

  // --- what happens; `longest` is the longest time that any call holds a slot while it runs
  void begin(TimePoint now, Duration longest);  // before each event
  void arrived(const Arrival& arrival);
  void told(const Actions& actions);
  void cancelled(TicketId ticket, bool waited);
  void ended(TicketId ticket, double cost);
  // After each event: what must hold of the queue, too.
  void check(const SlotQueue& queue);
  // When all calls are over.
  void check_all_ended(const SlotQueue& queue);

  // The first that did not hold.
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  [[nodiscard]] bool holds(TicketId ticket) const { return held_.contains(ticket); }
  [[nodiscard]] std::vector<TicketId> known() const;

 private:
  struct Call {
    ServiceClass service_class = ServiceClass::kRealtime;
    std::string tenant;
    Deadline deadline;
    double work = 1;
    TimePoint arrived;
    TimePoint started;
  };
  using Calls = std::map<TicketId, Call>;  // tickets count up: in the order of arrival

  void violated(const std::string& what);
  void refused(const Refused& one);
  void started(const Started& one);
  void check_order(TicketId ticket, const Call& call);
  void check_waiters();
  void check_shares();
  void check_fairness();
  [[nodiscard]] std::size_t waiting(ServiceClass service_class) const;
  [[nodiscard]] std::size_t held(ServiceClass service_class) const;
  [[nodiscard]] bool room_for_realtime() const;
  void mark_waiting_since();
  void mark_newcomers();

  const SlotOptions options_;
  std::optional<std::string> violation_;
  TimePoint now_{};
  Duration longest_{};
  Duration longest_held_{};  // pauses included
  Calls waiting_;
  Calls held_;
  std::array<std::optional<TimePoint>, 2> waiting_since_;  // by class, without a break
  // The same, but where all are turned away at once, those who come at that moment are the first.
  std::array<std::optional<TimePoint>, 2> all_since_;
  double owed_s_ = 0;       // of its share, to best effort
  bool much_owed_ = false;  // so much that realtime is held back; until nothing is
  double lacking_s_ = 0;    // what it got too little, since it began to wait
  double least_lacking_s_ = 0;
  double there_s_ = 0;      // how long there was best effort
  double held_back_s_ = 0;  // how long realtime waited for it where a slot was free
  double biggest_cost_ = 1;
  std::map<std::string, double> work_;  // of realtime, by tenant
  struct Pair {
    double difference = 0;
  };
  std::map<std::pair<std::string, std::string>, Pair> side_by_side_;  // both waited all the time
};

}  // namespace sluice::scheduling::testing
