#include "api/admin/admin.h"

#include <utility>

#include "api/admin/key_check.h"
#include "http/json/writer.h"
#include "inference/capability.h"
#include "inference/queue_status.h"
#include "inference/service_class_name.h"
#include "telemetry/exposition.h"

namespace sluice::admin {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr http::ExchangeLabels kLabels{.api = "admin", .callable = "none"};

class Admin {
 public:
  Admin(const gateway::Mount& mount, AdminOptions options)
      : mount_(mount), options_(std::move(options)) {}

  Result<> add_routes(http::Router& router) {
    using http::Exchange;
    using http::Method;
    // Metrics are open unless the mount has a key.
    const Scope metrics_need = options_.key.empty() ? Scope::kOpen : Scope::kAdmin;
    const auto add = [&](Method method, std::string_view path, void (Admin::*handler)(Exchange&),
                         bool probe = false, Scope scope = Scope::kAdmin) {
      return router.add({method, mount_.prefix + std::string(path),
                         [this, handler](Exchange& x) {
                           if (shows_key(x, options_.key)) (this->*handler)(x);
                         },
                         kLabels, probe, scope});
    };
    Result<> ok = add(Method::kGet, "/metrics", &Admin::metrics, true, metrics_need);
    if (ok) ok = add(Method::kPost, "/admin/reload", &Admin::reload);
    if (ok) ok = add(Method::kGet, "/admin/models", &Admin::models);
    if (ok) ok = add(Method::kGet, "/admin/slots", &Admin::slots);
    if (ok) ok = add(Method::kPost, "/admin/models/{model}/load", &Admin::load);
    if (ok) ok = add(Method::kPost, "/admin/models/{model}/unload", &Admin::unload);
    return ok;
  }

 private:
  void metrics(http::Exchange& exchange) {
    const auto families = mount_.instruments.metrics().collect();
    exchange.respond(200, telemetry::kPrometheusContentType, telemetry::prometheus_text(families));
  }

  void models(http::Exchange& exchange) {
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const gateway::Entry& entry : mount_.local.registry().entries()) {
      for (const gateway::Version& version : entry.versions) {
        writer.begin_object()
            .field("name", entry.name)
            .field("kind", to_string(entry.kind))
            .field("version", version.version)
            .field("state", gateway::to_string(version.state));
        if (!version.reason.empty()) writer.field("reason", version.reason);
        writer.end_object();
      }
    }
    writer.end_array();
    exchange.respond(200, kJson, out);
  }

  // Who waits for a slot, and who has one for how long.
  void slots(http::Exchange& exchange) {
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const gateway::Entry& entry : mount_.local.registry().entries()) {
      for (const gateway::Version& version : entry.versions) {
        if (version.callable == nullptr) continue;  // not ready: nothing waits for it
        const auto* queued = find_capability<Queued>(std::as_const(*version.callable));
        if (queued != nullptr) write_slots(writer, entry.name, queued->queue_status());
      }
    }
    writer.end_array();
    exchange.respond(200, kJson, out);
  }

  static void write_slots(json::Writer& writer, const std::string& name,
                          const QueueStatus& status) {
    writer.begin_object()
        .field("callable", name)
        .field("slots", status.slots)
        .field("realtime_waiting", status.realtime_waiting)
        .field("best_effort_waiting", status.best_effort_waiting)
        .field("accepting", status.accepting)
        .key("held")
        .begin_array();
    for (const QueueStatus::Held& held : status.holders) {
      writer.begin_object()
          .field("holder", held.holder)
          .field("class", to_string(held.service_class))
          .field("age_seconds", to_seconds(held.age))
          .field("overdue", held.overdue)
          .end_object();
    }
    writer.end_array().end_object();
  }

  void reload(http::Exchange& exchange) {
    answer_later(exchange, [this](auto done) { options_.reload(std::move(done)); });
  }
  void load(http::Exchange& exchange) {
    answer_later(exchange, [this, model = std::string(exchange.param("model"))](auto done) {
      mount_.gateway.load(model, std::move(done));
    });
  }
  void unload(http::Exchange& exchange) {
    answer_later(exchange, [this, model = std::string(exchange.param("model"))](auto done) {
      mount_.gateway.unload(model, std::move(done));
    });
  }

  // The work may end on any thread; the exchange stays until it is answered.
  template <class Work>
  static void answer_later(http::Exchange& exchange, Work work) {
    work([&exchange, &loop = exchange.loop()](Result<> result) {
      loop.post([&exchange, result = std::move(result)] {
        if (result) {
          exchange.respond(200, kJson, R"({"status":"ok"})");
        } else {
          http::respond_problem(exchange, result.error());
        }
      });
    });
  }

  gateway::Mount mount_;
  AdminOptions options_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_admin(http::Router& router, const gateway::Mount& mount,
                                              AdminOptions options) {
  auto admin = std::make_shared<Admin>(mount, std::move(options));
  if (auto ok = admin->add_routes(router); !ok) return fail(ok.error());
  return admin;
}

Result<> add_health(http::Router& router, const gateway::Gateway& gateway) {
  constexpr http::ExchangeLabels kHealth{.api = "health", .callable = "none"};
  auto ok = router.add({http::Method::kGet, "/health/live",
                        [](http::Exchange& x) { x.respond(200, kJson, R"({"status":"live"})"); },
                        kHealth, true});
  if (!ok) return ok;
  return router.add({http::Method::kGet, "/health/ready",
                     [&gateway](http::Exchange& x) {
                       if (gateway.ready()) {
                         x.respond(200, kJson, R"({"status":"ready"})");
                       } else {
                         http::respond_problem(x, unavailable("not ready"));
                       }
                     },
                     kHealth, true});
}

}  // namespace sluice::admin
