#include "app/sites.h"

#include <format>

#include "api/admin/admin.h"
#include "api/open_inference/open_inference.h"
#include "http/address.h"
#include "http/tls_context.h"
#include "services/horizontal/service.h"

namespace sluice::app {

namespace {

using Kept = std::vector<std::shared_ptr<const void>>;

api::open_inference::OpenInferenceOptions to_inference(const OpenInferenceMount& mount,
                                                       bool loopback) {
  return {.administration = mount.administration.value_or(loopback),
          .key = mount.key ? mount.key->reveal() : std::string(),
          .server_version = SLUICE_VERSION};
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
  } else if (const auto* inference = std::get_if<OpenInferenceMount>(&options.api)) {
    added =
        api::open_inference::add_open_inference(router, mount, to_inference(*inference, loopback));
  }
  if (!added) {
    return fail(
        added.error().code,
        std::format("{}: {}", config::to_string(options.where.location()), added.error().message));
  }
  kept.push_back(std::move(*added));
  return {};
}

Result<http::TlsContextPtr> make_tls(const ListenerOptions& listener) {
  if (!listener.tls) return nullptr;
  return http::TlsContext::server({.certificate_file = listener.tls->certificate,
                                   .key_file = listener.tls->key,
                                   .client_ca_file = listener.tls->client_ca});
}

}  // namespace

Result<> check_tls(const ListenerOptions& listener) {
  if (auto made = make_tls(listener); !made) return fail(made.error());
  return {};
}

std::vector<rpc::Method> make_methods(const ListenerOptions& listener, gateway::LocalGateway& local,
                                      const SiteContext& context) {
  const auto address = http::parse_listen_address(listener.address);
  const bool loopback = address && address->is_loopback();
  std::vector<rpc::Method> methods;
  for (const MountOptions& mount : listener.mounts) {
    const auto* inference = std::get_if<OpenInferenceMount>(&mount.api);
    if (inference == nullptr) continue;  // refused when the configuration was read
    const gateway::Mount on{local,       context.gateway, context.clock, context.instruments,
                            context.log, mount.prefix,    mount.target};
    for (rpc::Method& method :
         api::open_inference::open_inference_methods(on, to_inference(*inference, loopback))) {
      methods.push_back(std::move(method));
    }
  }
  return methods;
}

Result<std::vector<http::SitePtr>> make_sites(const ListenerOptions& listener,
                                              const telemetry::TelemetryOptions& telemetry,
                                              const SiteContext& context) {
  auto tls = make_tls(listener);
  if (!tls) return fail(tls.error());
  const auto address = http::parse_listen_address(listener.address);
  const bool loopback = address && address->is_loopback();
  auto trusted = http::NetworkList::parse(listener.trusted_proxies);
  if (!trusted) return fail(trusted.error());

  std::vector<http::SitePtr> sites;
  for (gateway::LocalGateway* local : context.locals) {
    auto site = std::make_shared<http::Site>();
    auto kept = std::make_shared<Kept>();
    for (const MountOptions& mount : listener.mounts) {
      const gateway::Mount on{*local,      context.gateway, context.clock, context.instruments,
                              context.log, mount.prefix,    mount.target};
      if (auto added = add_mount(site->router, mount, on, context, loopback, *kept); !added) {
        return fail(added.error());
      }
    }
    if (auto added = admin::add_health(site->router, context.gateway); !added) {
      return fail(added.error());
    }
    site->listener = listener.address;
    site->cors = listener.cors;
    site->gzip = listener.gzip;
    site->trusted_proxies = *trusted;
    site->proxy_protocol = listener.proxy_protocol;
    site->server_timing = telemetry.server_timing;
    site->track_requests = telemetry.log.access;
    site->tls = *tls;
    site->keep_alive = std::move(kept);
    sites.push_back(std::move(site));
  }
  return sites;
}

}  // namespace sluice::app
