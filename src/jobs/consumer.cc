#include "jobs/consumer.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace sluice::jobs {

namespace {
// Between attempts to tell the store how an attempt ended, when it cannot be reached.
constexpr Duration kFirstWait = std::chrono::milliseconds(50);
constexpr Duration kLongestWait = std::chrono::seconds(2);
// Leases that are extended in one go.
constexpr std::size_t kExtendAtOnce = 500;
// How often others must have completed between a job's outages until they are its failures, and how
// many jobs are remembered so.
constexpr std::uint32_t kOutagesAmongOthers = 3;
constexpr std::size_t kMostDoubts = 1024;
}  // namespace

// A job in our hands: from the claim until the store knows how it ended.
struct Consumer::Held {
  Claimed claimed;
  TimePoint began;
  CancelHandle handle;
  bool running = true;   // its call has not ended
  bool lost = false;     // the attempt is no longer ours
  bool stopped = false;  // by us
};

// News comes from any thread; here it waits until the home thread has time for it.
struct Consumer::Door {
  std::mutex mutex;
  Consumer* consumer = nullptr;    // guarded by mutex; null: gone
  std::vector<std::string> ready;  // guarded by mutex
  std::vector<JobChange> stopped;  // guarded by mutex
  bool gap = false;                // guarded by mutex
  bool posted = false;             // guarded by mutex

  template <class F>
  static void note(const std::shared_ptr<Door>& door, F change) {
    const std::scoped_lock lock(door->mutex);
    if (door->consumer == nullptr) return;
    change(*door);
    if (std::exchange(door->posted, true)) return;
    door->consumer->home_.post([door] { open(door); });
  }
  static void open(const std::shared_ptr<Door>& door) {
    std::vector<std::string> ready;
    std::vector<JobChange> stopped;
    bool gap = false;
    Consumer* consumer = nullptr;
    {
      const std::scoped_lock lock(door->mutex);
      door->posted = false;
      consumer = door->consumer;
      ready.swap(door->ready);
      stopped.swap(door->stopped);
      gap = std::exchange(door->gap, false);
    }
    if (consumer == nullptr) return;
    for (const JobChange& change : stopped) consumer->stop(change.id, change.attempt);
    for (const std::string& callable : ready) consumer->on_ready(callable);
    if (gap) {
      for (auto& [name, queue] : consumer->queues_) queue.ready = true;
      consumer->extend_leases();
    }
    consumer->look();
  }
};

Consumer::Consumer(Executor& home, Store& store, Hub& hub, Runner& runner,
                   ConsumerObserver& observer, const Clock& clock, std::uint64_t seed,
                   ConsumerOptions options)
    : home_(home),
      store_(store),
      runner_(runner),
      observer_(observer),
      clock_(clock),
      random_(seed),
      options_(std::move(options)),
      door_(std::make_shared<Door>()) {
  door_->consumer = this;
  const auto door = door_;
  hub.add_listener({.ready =
                        [door](std::string_view callable) {
                          Door::note(door, [&](Door& d) {
                            if (std::ranges::find(d.ready, callable) == d.ready.end()) {
                              d.ready.emplace_back(callable);
                            }
                          });
                        },
                    .changed =
                        [door](const JobChange& change) {
                          if (change.state != JobState::kCancelled) return;
                          Door::note(door, [&](Door& d) { d.stopped.push_back(change); });
                        },
                    .gap = [door] { Door::note(door, [](Door& d) { d.gap = true; }); }});
}

Consumer::~Consumer() {
  const std::scoped_lock lock(door_->mutex);
  door_->consumer = nullptr;
}

void Consumer::set_queues(std::vector<QueueOptions> queues) {
  std::map<std::string, Queue, std::less<>> next;
  for (QueueOptions& options : queues) {
    const std::string name = options.callable;
    const auto known = queues_.find(name);
    Queue queue = known != queues_.end() ? std::move(known->second)
                                         : Queue{.breaker = Breaker(options_.breaker)};
    queue.options = std::move(options);
    queue.ready = true;
    next.emplace(name, std::move(queue));
  }
  queues_ = std::move(next);
  if (look_timer_ == 0 && !draining_) {
    every_look();
    lease_timer_ = home_.run_at(home_.now() + options_.lease / 3, [this] { extend_leases(); });
  } else {
    look();
  }
}

void Consumer::every_look() {
  look_timer_ = home_.run_at(home_.now() + options_.look_every, [this] { every_look(); });
  for (auto& [name, queue] : queues_) queue.ready = true;
  look();
}

void Consumer::on_ready(std::string_view callable) {
  const auto it = queues_.find(callable);
  if (it == queues_.end()) return;
  it->second.ready = true;
  ++it->second.asked;
}

void Consumer::look() {
  if (draining_) return;
  if (claiming_) return;  // it looks again when that has been answered
  ClaimRequest request{.worker = options_.worker, .lease = options_.lease};
  const TimePoint now = home_.now();
  for (auto& [name, queue] : queues_) {
    if (!queue.ready) continue;
    const std::size_t free = queue.options.slots - std::min(queue.options.slots, queue.running);
    if (free == 0) continue;
    const std::size_t most = queue.breaker.allows(free, now);
    if (most == 0) {
      look_at(queue.breaker.retry_at());
      continue;
    }
    queue.asked = 0;
    request.queues.push_back({name, most});
  }
  if (request.queues.empty()) return;
  claiming_ = true;
  std::vector<ClaimRequest::Queue> asked = request.queues;
  store_.claim(home_, std::move(request), [this, asked = std::move(asked)](auto result) {
    claimed(asked, std::move(result));
  });
}

void Consumer::look_at(TimePoint when) {
  if (when <= home_.now()) when = home_.now() + kFirstWait;
  if (retry_timer_ != 0 && retry_at_ <= when) return;
  if (retry_timer_ != 0) home_.cancel(retry_timer_);
  retry_at_ = when;
  retry_timer_ = home_.run_at(when, [this] {
    retry_timer_ = 0;
    look();
  });
}

void Consumer::claimed(const std::vector<ClaimRequest::Queue>& asked,
                       Result<std::vector<Claimed>> result) {
  if (!result) {
    claiming_ = false;
    // The store is away: its queues stay ready, and are looked at again before long.
    look_at(home_.now() + result.error().retry_after.value_or(std::chrono::seconds(1)));
    return finish_drain();
  }
  std::map<std::string_view, std::size_t> got;
  for (const Claimed& one : *result) ++got[one.job.callable];
  for (const ClaimRequest::Queue& queue : asked) {
    const auto it = queues_.find(queue.callable);
    if (it == queues_.end()) continue;
    // Less than was asked for: there is no more, unless more came meanwhile.
    if (got[queue.callable] < queue.most && it->second.asked == 0) it->second.ready = false;
    if (got[queue.callable] > 0) it->second.breaker.started();
  }
  // Short ones end within: until all of them count as running nothing more is claimed.
  for (Claimed& one : *result) begin(std::move(one));
  claiming_ = false;
  look();
  finish_drain();
}

void Consumer::begin(Claimed claimed) {
  auto held = std::make_shared<Held>(std::move(claimed), home_.now());
  const Job& job = held->claimed.job;
  if (job.attempt > 0) stop(job.id, job.attempt - 1);
  held_[{job.id, job.attempt}] = held;
  observer_.on_begin(job, clock_.wall());
  Duration timeout{};
  ServiceClass service_class = ServiceClass::kBestEffort;
  if (const auto it = queues_.find(job.callable); it != queues_.end()) {
    ++it->second.running;
    timeout = it->second.options.timeout;
    service_class = it->second.options.service_class;
  }
  Deadline deadline;
  if (timeout > Duration::zero()) deadline = Deadline::after(home_.now(), timeout);
  if (job.deadline) {
    deadline = deadline.earlier(Deadline::after(home_.now(), *job.deadline - clock_.wall()));
  }
  if (draining_) {
    held->stopped = true;
    return ended(held, fail(cancelled("the worker stops")));
  }
  CancelHandle handle =
      runner_.run({&home_, &held->claimed, deadline, service_class},
                  [this, held](Result<RunOutput> output) { ended(held, std::move(output)); });
  if (held->running) held->handle = std::move(handle);
}

void Consumer::ended(const HeldPtr& held, Result<RunOutput> output) {
  held->running = false;
  held->handle.release();
  const Job& job = held->claimed.job;
  Outcome outcome = Requeued{Cause::kReleased};
  const auto found = queues_.find(job.callable);
  Verdict verdict = output ? Verdict::kPermanent : judge(output.error());
  bool own_fault = false;
  if (found != queues_.end()) {
    own_fault = verdict == Verdict::kOutage && breaks_backend(found->second, job.id);
    if (verdict != Verdict::kOutage) found->second.doubts.erase(job.id);
    if (output) ++found->second.completed;
  }
  if (verdict == Verdict::kReleased && !held->stopped) verdict = Verdict::kTransient;
  if (output) {
    outcome = Completed{std::move(output->bytes)};
  } else if (own_fault) {
    outcome = Failed{output.error(), true};
  } else if (verdict == Verdict::kOutage) {
    outcome = Requeued{Cause::kOutage};
  } else if (verdict != Verdict::kReleased) {
    outcome = Failed{output.error(), verdict == Verdict::kTransient};
  }
  if (found != queues_.end()) {
    Queue& queue = found->second;
    if (queue.running > 0) --queue.running;
    if (own_fault) {
      queue.breaker.undecided();
      queue.ready = true;
    } else if (verdict == Verdict::kOutage) {
      queue.breaker.failed(home_.now(), random_.unit());
      queue.ready = true;
    } else if (verdict == Verdict::kReleased) {
      queue.breaker.undecided();
    } else {
      queue.breaker.succeeded();
    }
  }
  observer_.on_attempt(job, outcome, clock_.now() - held->began, output ? &*output : nullptr);
  if (held->lost) {
    forget(held);
  } else {
    settle(held, std::move(outcome), kFirstWait);
  }
  look();
}

bool Consumer::breaks_backend(Queue& queue, const std::string& id) {
  if (queue.doubts.size() >= kMostDoubts && !queue.doubts.contains(id)) queue.doubts.clear();
  const auto [it, first] = queue.doubts.try_emplace(id, queue.completed);
  Queue::Doubt& doubt = it->second;
  if (first || doubt.completed == queue.completed) return false;
  doubt.completed = queue.completed;
  return ++doubt.times >= kOutagesAmongOthers;
}

void Consumer::settle(const HeldPtr& held, Outcome outcome, Duration wait) {
  auto kept = std::make_shared<Outcome>(outcome);
  store_.finish(home_, held->claimed.ticket(), std::move(outcome),
                [this, held, kept, wait](Result<Job> result) {
                  settled(held, *kept, wait, std::move(result));
                });
}

void Consumer::settled(const HeldPtr& held, const Outcome& outcome, Duration wait,
                       Result<Job> result) {
  const bool away = !result && (result.error().code == ErrorCode::kUnavailable ||
                                result.error().code == ErrorCode::kExhausted);
  if (away && !held->lost && !released_) {
    // The work is done and must not be lost: told again until the lease has gone to another.
    home_.run_at(home_.now() + wait, [this, held, outcome, wait] {
      // To who is to stop at once it is lost: the job is run again when its lease has run out.
      if (held->lost || released_) return forget(held);
      settle(held, outcome, std::min(wait * 2, kLongestWait));
    });
    return;
  }
  observer_.on_finished(held->claimed.job, result);
  forget(held);
}

void Consumer::forget(const HeldPtr& held) {
  held_.erase({held->claimed.job.id, held->claimed.job.attempt});
  finish_drain();
}

void Consumer::extend_leases() {
  home_.cancel(lease_timer_);
  lease_timer_ = home_.run_at(home_.now() + options_.lease / 3, [this] { extend_leases(); });
  std::vector<Ticket> tickets;
  const auto send = [&] {
    if (tickets.empty()) return;
    std::vector<Ticket> asked = tickets;
    store_.extend(home_, std::exchange(tickets, {}), options_.lease,
                  [this, asked = std::move(asked)](Result<std::vector<bool>> kept) {
                    if (!kept) return;  // the lease has two thirds of its time left to be extended
                    for (std::size_t i = 0; i < asked.size() && i < kept->size(); ++i) {
                      if (!(*kept)[i]) stop(asked[i].id, asked[i].attempt);
                    }
                  });
  };
  for (const auto& [attempt, held] : held_) {
    if (held->lost) continue;
    tickets.push_back(held->claimed.ticket());
    if (tickets.size() == kExtendAtOnce) send();
  }
  send();
}

void Consumer::stop(const std::string& id, std::uint32_t attempt) {
  std::vector<HeldPtr> over;  // a call that is stopped may end within
  for (auto it = held_.lower_bound({id, 0}); it != held_.end() && it->first.first == id; ++it) {
    if (it->first.second <= attempt) over.push_back(it->second);
  }
  for (const HeldPtr& held : over) {
    held->lost = true;
    held->stopped = true;
    if (held->running) held->handle.cancel();
  }
}

void Consumer::drain(Task done) {
  draining_ = true;
  drained_ = std::move(done);
  home_.cancel(look_timer_);
  home_.cancel(retry_timer_);
  finish_drain();
}

void Consumer::release_all() {
  released_ = true;
  std::vector<HeldPtr> all;
  all.reserve(held_.size());
  for (const auto& [attempt, held] : held_) all.push_back(held);
  for (const HeldPtr& held : all) {
    held->stopped = true;
    if (held->running) held->handle.cancel();
  }
}

void Consumer::finish_drain() {
  if (!draining_ || claiming_ || !held_.empty() || !drained_) return;
  home_.cancel(lease_timer_);
  std::exchange(drained_, nullptr)();
}

}  // namespace sluice::jobs
