#include "backends/generation_wire/wire_model.h"

#include <algorithm>
#include <utility>

#include "backends/generation_wire/catalogue.h"
#include "backends/generation_wire/run.h"
#include "backends/generation_wire/service.h"
#include "base/format.h"
#include "http/client/url.h"

namespace sluice::generation_wire {

namespace {
http::TlsClientOptions to_tls(const TlsOptions& options) {
  return {.ca_file = options.ca.string(),
          .verify = options.verify,
          .certificate_file = options.certificate.string(),
          .key_file = options.key.string()};
}

Result<std::vector<Service::Target>> make_targets(const WireOptions& options) {
  std::vector<Service::Target> targets;
  http::TlsContextPtr tls;
  for (EngineOptions& engine : options.all_engines()) {
    auto url = http::parse_url(engine.url);
    if (!url) return fail(std::move(url.error()));
    if (url->scheme == http::Url::Scheme::kHttps && tls == nullptr) {
      auto made = http::TlsContext::client(to_tls(options.tls));
      if (!made) return fail(std::move(made.error()));
      tls = std::move(*made);
    }
    targets.push_back({http::Origin::of(*url, tls), url->path, std::move(engine)});
  }
  if (targets.empty()) return fail(invalid("urls must name at least one engine"));
  if (targets.size() > kMaxEngines) {
    return fail(invalid(formatted("at most {} engines can be named", kMaxEngines)));
  }
  return targets;
}
}  // namespace

WireModel::WireModel(std::shared_ptr<Service> service) : service_(std::move(service)) {}
WireModel::~WireModel() = default;

Result<std::shared_ptr<WireModel>> WireModel::make(std::string name, const WireOptions& options,
                                                   std::unique_ptr<const Dialect> dialect,
                                                   IoThreads& io, http::Resolver& resolver,
                                                   telemetry::Instruments* instruments) {
  auto targets = make_targets(options);
  if (!targets) {
    return fail(targets.error().code, formatted("'{}': {}", name, targets.error().message));
  }
  replicas::ReplicaSet::Meter meter;
  if (instruments != nullptr) {
    meter = [instruments, name](const std::string& replica) {
      return instruments->replica(name, replica);
    };
  }
  return std::shared_ptr<WireModel>(new WireModel(
      std::make_shared<Service>(std::move(name), options, std::move(dialect), std::move(*targets),
                                io, resolver, std::move(meter))));
}

void WireModel::watch_engines() {
  Catalogue::start(service_);
}

const Description& WireModel::describe() const {
  return service_->description;
}

Result<> WireModel::ready() const {
  const bool any = std::ranges::any_of(service_->engines, [](const auto& engine) {
    return engine->reachable.load(std::memory_order_relaxed);
  });
  if (any) return {};
  return fail(
      unavailable(formatted("no engine of '{}' can be reached", service_->description.name)));
}

QueueStatus WireModel::queue_status() const {
  return service_->pool.status(service_->io.loop(0).now());
}

CancelHandle WireModel::start(const Call& call, RequestPtr request, Sink& sink) {
  if (auto kind = check_kind(describe(), kind_of(*request)); !kind) {
    sink.on_result(fail(std::move(kind.error())));
    return {};
  }
  auto wire = service_->dialect->write(*request);
  if (!wire) {
    sink.on_result(fail(std::move(wire.error())));
    return {};
  }
  return Run::start(service_, call, std::move(request), std::move(*wire), sink);
}

std::vector<http::TlsFault> tls_faults(const WireOptions& options) {
  const bool used = std::ranges::any_of(options.all_engines(), [](const EngineOptions& engine) {
    const auto url = http::parse_url(engine.url);
    return url && url->scheme == http::Url::Scheme::kHttps;
  });
  if (!used) return {};
  return http::TlsContext::faults(to_tls(options.tls));
}

}  // namespace sluice::generation_wire
