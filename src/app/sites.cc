#include "app/sites.h"

#include <algorithm>
#include <iterator>

#include "access/guards.h"
#include "api/admin/admin.h"
#include "api/admin/backups.h"
#include "api/jobs/jobs_api.h"
#include "api/ollama/ollama.h"
#include "api/open_inference/open_inference.h"
#include "api/openai/openai.h"
#include "api/tensorflow_serving/tensorflow_serving.h"
#include "base/format.h"
#include "http/address.h"
#include "http/tls_context.h"
#include "services/async_iris/service.h"
#include "services/horizontal/service.h"
#include "services/news_creator/service.h"

namespace sluice::app {

namespace {

using Kept = std::vector<std::shared_ptr<const void>>;

api::open_inference::OpenInferenceOptions to_inference(const OpenInferenceMount& mount,
                                                       bool loopback) {
  return {.administration = mount.administration.value_or(loopback),
          .key = mount.key ? mount.key->reveal() : std::string(),
          .server_version = SLUICE_VERSION};
}

// As it is configured: it may never have been there.
std::string_view what_answers(std::string_view target, const SiteContext& context) {
  for (const auto& [name, callable] : context.callables) {
    const auto* model = std::get_if<ModelOptions>(&callable.what);
    if (name != target || model == nullptr) continue;
    if (std::holds_alternative<tensorflow_serving::TensorflowServingOptions>(model->backend)) {
      return "tensorflow_serving";
    }
  }
  return "model";
}

Result<> add_mount(http::Router& router, const MountOptions& options, const gateway::Mount& mount,
                   const SiteContext& context, bool loopback, Kept& kept) {
  Result<std::shared_ptr<const void>> added;
  if (const auto* service = std::get_if<horizontal::ServiceOptions>(&options.api)) {
    added = horizontal::add_service(router, mount, *service);
  } else if (const auto* proxy = std::get_if<horizontal::ProxyOptions>(&options.api)) {
    added = horizontal::add_proxy(router, mount, *proxy);
  } else if (const auto* admin = std::get_if<AdminMount>(&options.api)) {
    added = admin::add_admin(
        router, mount,
        {.key = admin->key ? admin->key->reveal() : std::string(), .reload = context.reload});
  } else if (const auto* iris = std::get_if<async_iris::AsyncIrisOptions>(&options.api)) {
    added = async_iris::add_service(router, mount, *iris, context.desk,
                                    std::string(what_answers(mount.target, context)));
  } else if (std::holds_alternative<JobsMount>(options.api)) {
    added = api::jobs::add_jobs(router, mount, context.desk);
  } else if (const auto* inference = std::get_if<OpenInferenceMount>(&options.api)) {
    added =
        api::open_inference::add_open_inference(router, mount, to_inference(*inference, loopback));
  } else if (std::holds_alternative<TensorflowServingMount>(options.api)) {
    added = api::tensorflow_serving::add_tensorflow_serving(router, mount);
  } else if (std::holds_alternative<OpenAiMount>(options.api)) {
    added = api::openai::add_openai(router, mount);
  } else if (std::holds_alternative<OllamaMount>(options.api)) {
    added = api::ollama::add_ollama(router, mount, {});
  } else if (const auto* news = std::get_if<news_creator::NewsCreatorOptions>(&options.api)) {
    added = news_creator::add_service(router, mount, *news);
  }
  if (!added) return fail(added.error());
  kept.push_back(std::move(*added));
  if (const auto* admin = std::get_if<AdminMount>(&options.api)) {
    added = admin::add_backups(router, mount.prefix,
                               admin->key ? admin->key->reveal() : std::string(), context.desk);
    if (!added) return fail(added.error());
    kept.push_back(std::move(*added));
  }
  return {};
}

bool has_own_key(const MountOptions& mount) {
  const auto set = [](const std::optional<config::Secret>& key) { return key && !key->empty(); };
  if (const auto* admin = std::get_if<AdminMount>(&mount.api)) return set(admin->key);
  const auto* inference = std::get_if<OpenInferenceMount>(&mount.api);
  return inference != nullptr && set(inference->key);
}

// That service's own, where nothing is configured.
constexpr std::string_view kRateOfAsyncIris = "100/1m";

// How a mount admits. The buckets are the same for all threads.
access::Admission::Rules rules_of(const ListenerOptions& listener, const MountOptions& mount,
                                  const SiteContext& context) {
  access::Admission::Rules rules{.own_key = has_own_key(mount), .addresses = {}};
  auto text = mount.rate_per_address ? mount.rate_per_address : listener.rate_per_address;
  if (!text && std::holds_alternative<async_iris::AsyncIrisOptions>(mount.api)) {
    text = kRateOfAsyncIris;
  }
  if (!text) return rules;
  const auto rate = access::parse_address_rate(*text);
  if (!rate || !*rate) return rules;  // a wrong one was refused when the configuration was read
  const auto place = &mount - listener.mounts.data();
  rules.addresses =
      context.limits.get(formatted("{} {}", listener.address, place), **rate, context.addresses);
  return rules;
}

http::TlsServerOptions to_tls(const TlsOptions& options) {
  return {.certificate_file = options.certificate.string(),
          .key_file = options.key.string(),
          .client_ca_file = options.client_ca.string()};
}

std::string_view key_of(http::TlsFault::File file) {
  switch (file) {
    case http::TlsFault::File::kCertificate:
      return "certificate";
    case http::TlsFault::File::kKey:
      return "key";
    case http::TlsFault::File::kAuthority:
      break;
  }
  return "client_ca";
}

// The one where what is taken for later can be asked after; null: nothing is taken.
const MountOptions* jobs_mount(const ListenerOptions& listener) {
  for (const MountOptions& mount : listener.mounts) {
    if (std::holds_alternative<JobsMount>(mount.api)) return &mount;
  }
  return nullptr;
}

// Does it call callables, so that its calls can be made later?
bool makes_calls(const MountOptions& mount) {
  return std::holds_alternative<horizontal::ServiceOptions>(mount.api) ||
         std::holds_alternative<horizontal::ProxyOptions>(mount.api) ||
         std::holds_alternative<OpenInferenceMount>(mount.api) ||
         std::holds_alternative<TensorflowServingMount>(mount.api) ||
         std::holds_alternative<OpenAiMount>(mount.api) ||
         std::holds_alternative<OllamaMount>(mount.api) ||
         std::holds_alternative<news_creator::NewsCreatorOptions>(mount.api);
}

}  // namespace

std::optional<api::jobs::LaterRoutes> make_later_routes(const ListenerOptions& listener,
                                                        gateway::LocalGateway& local,
                                                        const SiteContext& context) {
  if (listener.protocol != Protocol::kHttp || jobs_mount(listener) == nullptr) return std::nullopt;
  api::jobs::LaterRoutes routes{.listener = listener.address, .router = {}, .keep_alive = {}};
  auto kept = std::make_shared<Kept>();
  for (const MountOptions& mount : listener.mounts) {
    if (!makes_calls(mount)) continue;
    const gateway::Mount on{local,       context.gateway, context.clock, context.instruments,
                            context.log, mount.prefix,    mount.target};
    // Routes that overlap were refused when the listener was made.
    [[maybe_unused]] const auto added = add_mount(routes.router, mount, on, context, false, *kept);
  }
  routes.keep_alive = std::move(kept);
  return routes;
}

void check_tls(const ListenerOptions& listener, config::Problems& problems) {
  if (!listener.tls) return;
  const config::Node at = listener.where.near("tls");
  for (const http::TlsFault& fault : http::TlsContext::faults(to_tls(*listener.tls))) {
    const std::string_view key = key_of(fault.file);
    if (problems.were_read(at, {key})) problems.add(at.near(key), fault.error.message);
  }
}

std::vector<rpc::Method> make_methods(const ListenerOptions& listener, gateway::LocalGateway& local,
                                      const SiteContext& context) {
  const auto address = http::parse_listen_address(listener.address);
  const bool loopback = address && address->is_loopback();
  std::vector<rpc::Method> methods;
  for (const MountOptions& mount : listener.mounts) {
    const gateway::Mount on{local,       context.gateway, context.clock, context.instruments,
                            context.log, mount.prefix,    mount.target};
    std::vector<rpc::Method> more;  // of others: none, refused when the configuration was read
    if (const auto* inference = std::get_if<OpenInferenceMount>(&mount.api)) {
      more = api::open_inference::open_inference_methods(on, to_inference(*inference, loopback));
    } else if (std::holds_alternative<TensorflowServingMount>(mount.api)) {
      more = api::tensorflow_serving::tensorflow_serving_methods(on);
    }
    const auto guard = access::make_rpc_guard(context.keyring, rules_of(listener, mount, context),
                                              context.clock, context.instruments);
    for (rpc::Method& method : more) {
      if (method.scope != Scope::kOpen) method.guard = guard;
    }
    std::ranges::move(more, std::back_inserter(methods));
  }
  return methods;
}

std::vector<http::SitePtr> make_sites(const ListenerOptions& listener,
                                      const telemetry::TelemetryOptions& telemetry,
                                      const SiteContext& context, config::Problems& problems) {
  http::TlsContextPtr tls;
  if (listener.tls) {
    if (auto made = http::TlsContext::server(to_tls(*listener.tls))) {
      tls = std::move(*made);
    } else {
      check_tls(listener, problems);
      // Whatever it was, nothing may be served in plain text for it.
      if (problems.empty()) problems.add(listener.where.near("tls"), made.error().message);
    }
  }
  const auto address = http::parse_listen_address(listener.address);
  const bool loopback = address && address->is_loopback();
  const auto trusted = http::NetworkList::parse(listener.trusted_proxies);
  if (!trusted && problems.was_read_whole(listener.where.near("trusted_proxies"))) {
    problems.add(listener.where, trusted.error().message);
  }

  std::vector<http::SitePtr> sites;
  for (gateway::LocalGateway* local : context.locals) {
    // The sites of all threads are alike: what is wrong with the first need not be said again.
    if (!problems.empty() && !sites.empty()) break;
    auto site = std::make_shared<http::Site>();
    auto kept = std::make_shared<Kept>();
    for (const MountOptions& mount : listener.mounts) {
      const gateway::Mount on{*local,      context.gateway, context.clock, context.instruments,
                              context.log, mount.prefix,    mount.target};
      site->router.guard(access::make_http_guard(
          context.keyring, rules_of(listener, mount, context), context.clock, context.instruments));
      if (auto added = add_mount(site->router, mount, on, context, loopback, *kept); !added) {
        const Error& error = added.error();
        problems.add(mount.where,
                     error.code == ErrorCode::kConflict
                         ? error.message + "; a 'prefix' keeps the routes of two mounts apart"
                         : error.message);
      }
    }
    if (auto added = admin::add_health(site->router, context.gateway); !added) {
      problems.add(listener.where, added.error().message);
    }
    site->listener = listener.address;
    site->cors = listener.cors;
    site->gzip = listener.gzip;
    site->trusted_proxies = trusted.value_or(http::NetworkList());
    site->proxy_protocol = listener.proxy_protocol;
    site->server_timing = telemetry.server_timing;
    site->track_requests = telemetry.log.access;
    site->tls = tls;
    site->keep_alive = std::move(kept);
    if (const MountOptions* jobs = jobs_mount(listener)) {
      site->later = api::jobs::make_later(context.desk, jobs->prefix, listener.address);
    }
    sites.push_back(std::move(site));
  }
  return sites;
}

}  // namespace sluice::app
