// One random history of a queue of slots, from a seed.
#pragma once

#include <optional>
#include <string>

#include "base/random.h"
#include "scheduling/simulated_engine.h"
#include "scheduling/slot_queue.h"
#include "scheduling/testing_witness.h"

namespace sluice::scheduling::testing {

// What is around the queue: callers that come, go, and vanish just as they get a slot; calls that
// run, fail and are stopped. The options and the load are random as well.
class World {
 public:
  explicit World(std::uint64_t seed, const SlotPolicy& policy = kStandardPolicy);
  virtual ~World() = default;

  // Until so many calls have come, and then until all are over. What did not hold, if anything.
  std::optional<std::string> run(int calls);

  [[nodiscard]] const SlotOptions& options() const { return options_; }

 protected:
  // A call got its slot, but nobody wants it any more.
  virtual void give_back_at_wake(TicketId ticket);

 private:
  static SlotOptions random_options(Random& random);
  void step(bool arrivals);
  void arrive();
  void cancel();
  void end(TicketId ticket);
  void follow(Actions& told);
  Duration about(Duration mean);

  Random random_;
  const SlotOptions options_;
  SlotQueue queue_;
  SimulatedEngine engine_;
  Witness witness_;
  TimePoint now_{std::chrono::hours(1)};
  TimePoint next_arrival_ = now_;
  TicketId next_ticket_ = 1;
  Duration service_;        // on average
  Duration longest_{};      // so far
  Duration between_calls_;  // on average
  double high_part_;        // of the calls
  bool vanish_;             // callers do
  bool deadlines_;          // calls have them
  std::uint64_t tenants_;
  int arrivals_ = 0;
};

}  // namespace sluice::scheduling::testing
