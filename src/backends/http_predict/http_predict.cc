#include "backends/http_predict/http_predict.h"

#include <algorithm>
#include <utility>

#include "backends/http_predict/run.h"
#include "backends/http_predict/service.h"
#include "base/format.h"
#include "http/client/url.h"

namespace sluice::http_predict {

namespace {
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

Result<> HttpPredict::ready() const {
  Result<> now = service_->ready();
  if (!now) service_->look_again();
  return now;
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
