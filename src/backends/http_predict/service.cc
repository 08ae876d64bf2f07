#include "backends/http_predict/service.h"

#include <random>
#include <utility>

#include "base/format.h"

namespace sluice::http_predict {

namespace {
std::uint64_t seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}
}  // namespace

Service::Service(std::string name, const HttpPredictOptions& o,
                 std::vector<Directory::Target> targets, IoThreads& io_threads,
                 http::Resolver& resolver, replicas::ReplicaSet::Meter meter)
    : options(o), io(io_threads), set(o.ejection, std::move(meter)) {
  description = {.name = std::move(name),
                 .platform = "http_predict",
                 .version = "1",
                 .inputs = {{o.input, DataType::kFp32, {-1, o.columns}}},
                 .outputs = {{o.output, DataType::kFp32, {-1, o.classes}}}};
  directory = std::make_shared<Directory>(std::move(targets), resolver, set, o.resolve_every);
  http::ClientOptions client{.connect_timeout = o.connect_timeout,
                             .idle_limit = o.idle_limit,
                             .max_idle = o.max_connections,
                             .max_connections = o.max_connections,
                             .max_waiting = o.max_waiting};
  client.limits.body_bytes = o.max_answer_bytes;
  const auto share = static_cast<double>(io.size());
  for (std::size_t i = 0; i < io.size(); ++i) {
    lanes.push_back(std::make_shared<Lane>(
        io.loop(i), resolver, client,
        replicas::RetryBudget(o.retry.budget_ratio, o.retry.budget_per_second / share), seed()));
  }
}

Service::~Service() {
  for (std::shared_ptr<Lane>& lane : lanes) {
    EventLoop& loop = lane->loop;
    loop.post([last = std::move(lane)] {});
  }
}

std::shared_ptr<Lane> Service::lane_for(const Executor* home) {
  for (const std::shared_ptr<Lane>& lane : lanes) {
    if (&lane->loop == home) return lane;
  }
  const EventLoop& any = io.any();
  for (const std::shared_ptr<Lane>& lane : lanes) {
    if (&lane->loop == &any) return lane;
  }
  return lanes.front();
}

Result<> Service::ready() const {
  if (auto known = directory->known(); !known) {
    return fail(
        unavailable(formatted("'{}' has no replica: {}", description.name, known.error().message)));
  }
  if (!set.all_failing()) return {};
  return fail(unavailable(formatted("every replica of '{}' fails", description.name)));
}

void Service::look_again() {
  if (looking_.exchange(true)) return;
  const std::shared_ptr<Lane> lane = lane_for(nullptr);
  lane->loop.post([weak = weak_from_this(), lane = lane.get()] {
    const auto self = weak.lock();  // with it lives the lane
    if (self == nullptr) return;
    self->looking_ = false;
    Task nobody_waits = [] {};
    self->directory->ensure(lane->loop, nobody_waits);
    self->probe_if_due(*lane);
  });
}

void Service::probe_if_due(Lane& lane) {
  const TimePoint now = lane.loop.now();
  const auto due = std::static_pointer_cast<HttpReplica>(set.due_for_probe(now));
  if (due == nullptr) return;
  http::ClientRequest probe{.target = due->base + options.health_path,
                            .deadline = Deadline::after(now, options.connect_timeout)};
  // Runs while the lane's client lives, so the lane is there; the service may have gone.
  lane.client.start(due->origin, std::move(probe),
                    [weak = weak_from_this(), due, &lane](auto answer) {
                      const auto self = weak.lock();
                      if (self == nullptr) return;
                      const bool healthy = answer && answer->status / 100 == 2;
                      self->set.probe_ended(*due, healthy, lane.loop.now());
                    });
}

}  // namespace sluice::http_predict
