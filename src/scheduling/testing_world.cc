#include "scheduling/testing_world.h"

#include <algorithm>
#include <cmath>

namespace sluice::scheduling::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
Duration times(Duration each, double n) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(each.count()) * n));
}
Order any_order(Random& random) {
  return static_cast<Order>(random.below(3));
}
void choose_class(Random& random, ClassOptions& made) {
  made.order = any_order(random);
  if (random.below(3) == 0) made.depth = random.below(30);
  constexpr Duration kTimeouts[] = {Duration::zero(), seconds(2), seconds(30), seconds(600)};
  made.queue_timeout = kTimeouts[random.below(4)];
  made.fair_between_tenants = random.below(4) != 0;
  made.codel_target = milliseconds(100 + random.below(4000));
  made.codel_interval = milliseconds(200 + random.below(10'000));
}
}  // namespace

SlotOptions World::random_options(Random& random) {
  SlotOptions made;
  made.slots = 1 + random.below(4);
  made.depth = 5 + random.below(40);
  choose_class(random, made.realtime);
  choose_class(random, made.best_effort);
  if (random.below(3) == 0) {
    made.preemption = Preemption::kFull;
    if (random.below(2) == 0) made.best_effort_slots = 1 + random.below(4);
  } else {
    made.reserved = random.below(made.slots);
    if (random.below(4) == 0) made.realtime_slots = 1 + random.below(made.slots);
  }
  constexpr double kShares[] = {0.0, 0.05, 0.05, 0.2};
  made.best_effort.share = kShares[random.below(4)];
  made.best_effort.ageing_after = milliseconds(500 + random.below(30'000));
  made.best_effort.promote_after =
      made.best_effort.ageing_after + milliseconds(random.below(30'000));
  return made;
}

World::World(std::uint64_t seed, const SlotPolicy& policy)
    : random_(seed),
      options_(random_options(random_)),
      queue_(options_, "simulated", policy),
      engine_(options_.preemption),
      witness_(options_) {
  service_ = milliseconds(50 + random_.below(3000));
  const double load = 0.2 + 2.5 * random_.unit();  // of what the slots can do
  between_calls_ = times(service_, 1 / (load * static_cast<double>(options_.slots)));
  high_part_ = random_.unit();
  vanish_ = random_.below(2) == 0;
  deadlines_ = random_.below(3) == 0;
  tenants_ = 1 + random_.below(3);
  engine_.advance(now_);
}

Duration World::about(Duration mean) {
  // Most are short, a few ten times as long.
  return std::max<Duration>(times(mean, std::min(10.0, -std::log(1 - random_.unit()))),
                            milliseconds(1));
}

std::optional<std::string> World::run(int calls) {
  while (arrivals_ < calls && !witness_.violation()) step(true);
  // What is left to do is bounded: every waiter starts or is refused, and every call ends.
  for (int i = 0; i < 20 * calls && !witness_.violation(); ++i) {
    if (witness_.known().empty()) break;
    step(false);
  }
  // Slots and timers that outlive the calls are found here.
  if (!witness_.violation()) witness_.check_all_ended(queue_);
  return witness_.violation();
}

void World::step(bool arrivals) {
  TimePoint next = arrivals ? next_arrival_ : TimePoint::max();
  const auto ends = engine_.next_end();
  if (ends) next = std::min(next, ends->at);
  if (const auto timer = queue_.next_timer()) next = std::min(next, *timer);
  if (next == TimePoint::max()) return;
  now_ = std::max(now_, next);
  engine_.advance(now_);
  witness_.begin(now_, longest_);
  if (ends && ends->at <= now_) {
    end(ends->ticket);
  } else if (arrivals && next_arrival_ <= now_) {
    arrive();
  } else {
    Actions told;
    queue_.poll(now_, told);
    follow(told);
  }
  if (vanish_ && random_.below(8) == 0) cancel();
}

void World::arrive() {
  ++arrivals_;
  // Some come in a crowd.
  next_arrival_ = now_ + (random_.below(4) == 0 ? Duration::zero() : about(between_calls_));
  const std::string tenant(1, static_cast<char>('a' + random_.below(tenants_)));
  Arrival arrival{.ticket = next_ticket_++, .tenant = tenant};
  arrival.service_class =
      random_.unit() < high_part_ ? ServiceClass::kRealtime : ServiceClass::kBestEffort;
  if (deadlines_ && random_.below(2) == 0) {
    arrival.deadline = Deadline(now_ + about(service_ * 5) - milliseconds(1));
  }
  arrival.work = 1 + static_cast<double>(random_.below(10));
  witness_.arrived(arrival);
  Actions told;
  queue_.arrive(arrival, now_, told);
  follow(told);
}

void World::cancel() {
  const auto known = witness_.known();
  if (known.empty()) return;
  const TicketId ticket = known[random_.below(known.size())];
  Actions told;
  const bool waited = queue_.cancel(ticket, now_, told);
  if (waited) witness_.cancelled(ticket, true);
  follow(told);
  // What runs is told to stop, and does; the slot is given back then.
  if (!waited && random_.below(2) == 0 && witness_.holds(ticket)) end(ticket);
}

void World::end(TicketId ticket) {
  engine_.remove(ticket);
  const double cost = 1 + static_cast<double>(random_.below(10));
  witness_.ended(ticket, cost);
  Actions told;
  queue_.finish(ticket, now_, cost, told);
  follow(told);
}

void World::give_back_at_wake(TicketId ticket) {
  Actions told;
  queue_.finish(ticket, now_, std::nullopt, told);
  follow(told);
}

void World::follow(Actions& told) {
  witness_.told(told);
  std::vector<TicketId> given_up;
  for (const Started& one : told.started) {
    if (vanish_ && random_.below(10) == 0) {
      given_up.push_back(one.ticket);
      continue;
    }
    const Duration service = about(service_);
    longest_ = std::max(longest_, service);
    engine_.start(one.ticket, one.service_class, service);
  }
  for (const TicketId ticket : given_up) {
    witness_.ended(ticket, 0);
    give_back_at_wake(ticket);
  }
  if (given_up.empty()) {
    witness_.begin(now_, longest_);
    witness_.check(queue_);
  }
}

}  // namespace sluice::scheduling::testing
