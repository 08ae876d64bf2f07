#include "backends/generation_wire/catalogue.h"

#include <algorithm>
#include <utility>

namespace sluice::generation_wire {

namespace {
constexpr Duration kTurn = std::chrono::seconds(1);      // how often it is seen who is to be asked
constexpr Duration kPatience = std::chrono::seconds(5);  // for one answer
}  // namespace

void Catalogue::start(const std::shared_ptr<Service>& service) {
  if (service->options.models_every <= Duration::zero()) return;
  const auto lane = service->lanes.at(nullptr);
  auto self = std::make_shared<Catalogue>(service, lane);
  lane->loop.post([self = std::move(self)] { self->turn(); });
}

Catalogue::Catalogue(const std::shared_ptr<Service>& service, const std::shared_ptr<Lane>& lane)
    : service_(service), lane_(lane), looks_(service->engines.size()) {}

void Catalogue::turn() {
  const auto service = service_.lock();
  const auto lane = lane_.lock();
  if (service == nullptr || lane == nullptr) return;
  const TimePoint now = lane->loop.now();
  service->probe_if_due(*lane);
  for (const auto& engine : service->engines) {
    Look& look = looks_[engine->index];
    if (look.asking || now < look.next) continue;
    look.asking = true;
    ask(service, engine);
  }
  lane->loop.run_at(now + std::min(kTurn, service->options.models_every),
                    [self = shared_from_this()] { self->turn(); });
}

void Catalogue::get(Service& service, Lane& lane, const Engine& engine, const std::string& path,
                    http::Client::Done done) {
  http::ClientRequest request{.target = engine.base + path,
                              .deadline = Deadline::after(lane.loop.now(), kPatience)};
  service.add_headers(request.headers);
  lane.client.start(engine.origin, std::move(request), std::move(done));
}

void Catalogue::ask(const std::shared_ptr<Service>& service,
                    const std::shared_ptr<Engine>& engine) {
  const auto lane = lane_.lock();
  get(*service, *lane, *engine, service->dialect->models_path(),
      [self = shared_from_this(), engine](auto answer) {
        Look& look = self->looks_[engine->index];
        look.asking = false;
        const auto alive = self->service_.lock();
        const auto here = self->lane_.lock();
        if (alive == nullptr || here == nullptr) return;
        self->on_models(*alive, *engine, answer);
        const bool reached = engine->reachable.load(std::memory_order_relaxed);
        look.next = here->loop.now() + (reached ? alive->options.models_every : kTurn);
        if (reached && !alive->dialect->loaded_path().empty()) self->ask_loaded(alive, engine);
      });
}

void Catalogue::on_models(Service& service, Engine& engine,
                          const Result<http::ClientResponse>& answer) {
  const auto lane = lane_.lock();
  const TimePoint now = lane->loop.now();
  // A busy engine may be late: that says nothing.
  if (!answer && answer.error().code != ErrorCode::kUnavailable) return;
  const bool reached = answer && answer->status / 100 != 5;
  engine.reachable.store(reached, std::memory_order_relaxed);
  Holds holds = Holds::kUnknown;
  if (reached && answer->status / 100 == 2) {
    if (const auto named = service.dialect->names_model(answer->body)) {
      holds = *named ? Holds::kYes : Holds::kNo;
    }
  }
  service.pool.learn(engine.index, now, [holds, reached](EngineState& state) {
    state.holds = holds;
    if (!reached) state.loaded = false;
  });
  service.update_usable(engine, now);
}

void Catalogue::ask_loaded(const std::shared_ptr<Service>& service,
                           const std::shared_ptr<Engine>& engine) {
  const auto lane = lane_.lock();
  get(*service, *lane, *engine, service->dialect->loaded_path(),
      [self = shared_from_this(), engine](auto answer) {
        const auto alive = self->service_.lock();
        const auto here = self->lane_.lock();
        if (alive == nullptr || here == nullptr || !answer || answer->status / 100 != 2) return;
        const bool loaded = alive->dialect->names_model(answer->body).value_or(false);
        alive->pool.learn(engine->index, here->loop.now(),
                          [loaded](EngineState& state) { state.loaded = loaded; });
      });
}

}  // namespace sluice::generation_wire
