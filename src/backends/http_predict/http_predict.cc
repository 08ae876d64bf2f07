#include "backends/http_predict/http_predict.h"

#include <algorithm>
#include <random>
#include <utility>

#include "backends/http_predict/run.h"
#include "backends/http_predict/service.h"
#include "base/format.h"
#include "http/client/url.h"

namespace sluice::http_predict {

namespace {
std::uint64_t seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

http::TlsClientOptions to_tls(const TlsOptions& options) {
  return {.ca_file = options.ca.string(),
          .verify = options.verify,
          .certificate_file = options.certificate.string(),
          .key_file = options.key.string()};
}

Result<std::vector<Directory::Target>> make_targets(const HttpPredictOptions& options) {
  std::vector<Directory::Target> targets;
  http::TlsContextPtr tls;
  for (const std::string& text : options.urls) {
    auto url = http::parse_url(text);
    if (!url) return fail(std::move(url.error()));
    if (url->scheme == http::Url::Scheme::kHttps && tls == nullptr) {
      auto made = http::TlsContext::client(to_tls(options.tls));
      if (!made) return fail(std::move(made.error()));
      tls = std::move(*made);
    }
    targets.push_back({http::Origin::of(*url, tls), url->path});
  }
  if (targets.empty()) return fail(invalid("replicas must name at least one server"));
  return targets;
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

HttpPredict::HttpPredict(std::shared_ptr<Service> service) : service_(std::move(service)) {}
HttpPredict::~HttpPredict() = default;

Result<std::shared_ptr<HttpPredict>> HttpPredict::make(std::string name,
                                                       const HttpPredictOptions& options,
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
  return std::shared_ptr<HttpPredict>(new HttpPredict(std::make_shared<Service>(
      std::move(name), options, std::move(*targets), io, resolver, std::move(meter))));
}

std::vector<http::TlsFault> tls_faults(const HttpPredictOptions& options) {
  const bool used = std::ranges::any_of(options.urls, [](const std::string& text) {
    const auto url = http::parse_url(text);
    return url && url->scheme == http::Url::Scheme::kHttps;
  });
  if (!used) return {};
  return http::TlsContext::faults(to_tls(options.tls));
}

const Description& HttpPredict::describe() const {
  return service_->description;
}

CancelHandle HttpPredict::start(const Call& call, RequestPtr request, Sink& sink) {
  if (auto checked = check_request(describe(), *request); !checked) {
    sink.on_result(fail(std::move(checked.error())));
    return {};
  }
  const auto& infer = std::get<InferRequest>(*request);
  const Tensor& rows = infer.inputs[0];
  auto body = write_rows(rows);
  if (!body) {
    sink.on_result(fail(std::move(body.error())));
    return {};
  }
  return Run::start(service_, Run::Kind::kPredict, call, std::move(*body), rows.shape.rows(),
                    infer.wants(service_->options.output), sink);
}

CancelHandle HttpPredict::probe_health(const Call& call, Sink& sink) {
  return Run::start(service_, Run::Kind::kHealth, call, {}, 0, false, sink);
}

CancelHandle HttpPredict::run_self_test(const Call& call, Sink& sink) {
  return Run::start(service_, Run::Kind::kSelfTest, call, {}, 0, true, sink);
}

}  // namespace sluice::http_predict
