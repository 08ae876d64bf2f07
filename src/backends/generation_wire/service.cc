#include "backends/generation_wire/service.h"

#include <algorithm>
#include <utility>

#include "base/entropy.h"

namespace sluice::generation_wire {

namespace {
std::vector<EngineState> states_of(const std::vector<Service::Target>& targets) {
  std::vector<EngineState> states;
  states.reserve(targets.size());
  for (const Service::Target& target : targets) {
    states.push_back({.slots = target.options.slots,
                      .weight = target.options.weight,
                      .reserved = target.options.reserved_slots(),
                      .best_effort_only = target.options.best_effort_only});
  }
  return states;
}

// Slots bound the calls; the questions about models need a few connections besides.
std::size_t connections_for(const std::vector<Service::Target>& targets) {
  std::size_t most = 0;
  for (const Service::Target& target : targets) {
    most = std::max<std::size_t>(most, target.options.slots);
  }
  return most + 4;
}

http::ClientOptions client_options(const WireOptions& o,
                                   const std::vector<Service::Target>& targets) {
  http::ClientOptions client{.connect_timeout = o.connect_timeout,
                             .max_connections = connections_for(targets)};
  client.limits.body_bytes = o.max_answer_bytes;
  return client;
}
}  // namespace

Service::Service(std::string name, const WireOptions& o, std::unique_ptr<const Dialect> speaks,
                 const std::vector<Target>& targets, IoThreads& io_threads,
                 http::Resolver& resolver, replicas::ReplicaSet::Meter meter)
    : options(o),
      dialect(std::move(speaks)),
      io(io_threads),
      set(o.ejection, std::move(meter)),
      pool(states_of(targets), o.max_waiting, [this](TimePoint at) { wake_pool_at(at); }),
      lanes(io_threads, [&](EventLoop& loop) {
        return std::make_shared<Lane>(loop, resolver, client_options(o, targets),
                                      replicas::RetryBudget(o.retry, io_threads.size()), entropy());
      }) {
  description = {.name = std::move(name),
                 .takes = o.task == TaskKind::kEmbed ? RequestKind::kEmbed : RequestKind::kGenerate,
                 .platform = std::string(dialect->platform()),
                 .version = "1"};
  replicas::Members members;
  for (const Target& target : targets) {
    engines.push_back(std::make_shared<Engine>(engines.size(), target.origin, target.base));
    members.push_back(engines.back());
  }
  set.update(std::move(members));
}

void Service::update_usable(Engine& engine, TimePoint now) {
  const bool usable = engine.is_in() && engine.reachable.load(std::memory_order_relaxed);
  pool.learn(engine.index, now, [usable](EngineState& state) { state.usable = usable; });
}

void Service::wake_pool_at(TimePoint at) {
  EventLoop& loop = io.any();
  loop.post([weak = weak_from_this(), &loop, at] {
    loop.run_at(at, [weak, &loop] {
      if (const auto self = weak.lock()) self->pool.wake(loop.now());
    });
  });
}

void Service::add_headers(http::HeaderList& headers) const {
  if (options.api_key && !options.api_key->empty()) {
    headers.add("Authorization", "Bearer " + options.api_key->reveal());
  }
}

void Service::probe_if_due(Lane& lane) {
  const TimePoint now = lane.loop.now();
  const auto due = std::static_pointer_cast<Engine>(set.due_for_probe(now));
  if (due == nullptr) return;
  http::ClientRequest probe{.target = due->base + dialect->models_path(),
                            .deadline = Deadline::after(now, 2 * options.connect_timeout)};
  add_headers(probe.headers);
  // Runs while the lane's client lives, so the lane is there; the service may have gone.
  lane.client.start(due->origin, std::move(probe),
                    [weak = weak_from_this(), due, &lane](auto answer) {
                      const auto self = weak.lock();
                      if (self == nullptr) return;
                      // Some engines have no such page: that they answer is enough.
                      const bool well = answer && answer->status / 100 != 5;
                      self->set.probe_ended(*due, well, lane.loop.now());
                      self->update_usable(*due, lane.loop.now());
                    });
}

}  // namespace sluice::generation_wire
