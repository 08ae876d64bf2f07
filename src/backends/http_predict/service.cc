#include "backends/http_predict/service.h"

#include <utility>

#include "base/entropy.h"
#include "base/format.h"

namespace sluice::http_predict {

namespace {
http::ClientOptions client_options(const HttpPredictOptions& o) {
  http::ClientOptions client{.connect_timeout = o.connect_timeout,
                             .idle_limit = o.idle_limit,
                             .max_idle = o.max_connections,
                             .max_connections = o.max_connections,
                             .max_waiting = o.max_waiting};
  client.limits.body_bytes = o.max_answer_bytes;
  return client;
}
}  // namespace

Service::Service(std::string name, const HttpPredictOptions& o,
                 std::vector<Directory::Target> targets, IoThreads& io_threads,
                 http::Resolver& resolver, replicas::ReplicaSet::Meter meter)
    : options(o), set(o.ejection, std::move(meter)), lanes(io_threads, [&](EventLoop& loop) {
        return std::make_shared<Lane>(loop, resolver, client_options(o),
                                      replicas::RetryBudget(o.retry, io_threads.size()), entropy());
      }) {
  description = {.name = std::move(name),
                 .platform = "http_predict",
                 .version = "1",
                 .inputs = {{o.input, DataType::kFp32, {-1, o.columns}}},
                 .outputs = {{o.output, DataType::kFp32, {-1, o.classes}}}};
  directory = std::make_shared<Directory>(std::move(targets), resolver, set, o.resolve_every);
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
  const std::shared_ptr<Lane> lane = lanes.at(nullptr);
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
