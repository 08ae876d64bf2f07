#include "api/jobs/later.h"

#include <array>

#include "api/jobs/body.h"
#include "api/jobs/idempotency.h"
#include "api/jobs/owner.h"
#include "api/jobs/submission.h"
#include "base/format.h"
#include "http/json/writer.h"
#include "http/kept_message.h"

namespace sluice::api::jobs {

namespace {

// What an API may want to know again. Who asked is not among it: that has been settled.
constexpr std::array<std::string_view, 6> kKeptHeaders = {
    "accept",        "content-type", "inference-header-content-length",
    "x-deadline-ms", "traceparent",  "tracestate"};

class LaterJobs final : public http::Later {
 public:
  LaterJobs(const sluice::jobs::Desk& desk, std::string prefix, std::string listener)
      : desk_(desk), prefix_(std::move(prefix)), listener_(std::move(listener)) {}

  void take(http::Exchange& exchange, std::string_view callable) override {
    if (const auto may = check_scope(exchange.principal.get(), Scope::kJobs); !may) {
      return refuse(exchange, may.error());
    }
    sluice::jobs::NewJob job{.callable = std::string(callable),
                             .format = std::string(kHttpFormat),
                             .input = kept(exchange),
                             .tenant = tenant_of(exchange),
                             .owner = owner_of(exchange)};
    // Not of the headers: a repeated request has a trace of its own.
    const http::RequestHead& head = exchange.head();
    const auto keyed = take_idempotency_key(
        head, desk_.limits.max_idempotency_key_bytes,
        formatted("{} {}\n{}", to_string(head.method), head.target, exchange.body()), job);
    if (!keyed) return refuse(exchange, keyed.error());
    desk_.store.submit(exchange.loop(), std::move(job),
                       [this, &exchange](Result<sluice::jobs::Submitted> submitted) {
                         if (!submitted) return refuse(exchange, submitted.error());
                         answer(exchange, submitted->id);
                       });
  }

 private:
  [[nodiscard]] std::string kept(const http::Exchange& exchange) const {
    const http::RequestHead& head = exchange.head();
    http::KeptMessage message{.first_line = formatted("{} {}", to_string(head.method), head.target),
                              .body = std::string(exchange.body())};
    message.headers.add("listener", listener_);
    for (const std::string_view name : kKeptHeaders) {
      if (const auto value = head.header(name)) {
        message.headers.add(std::string(name), std::string(*value));
      }
    }
    return message.to_text();
  }
  void answer(http::Exchange& exchange, const std::string& id) const {
    std::string body;
    json::Writer(body).begin_object().field("id", id).field("status", "pending").end_object();
    const http::HeaderList headers{{"Location", formatted("{}/v1/jobs/{}", prefix_, id)},
                                   {"Preference-Applied", "respond-async"}};
    exchange.respond({202, "application/json", &headers}, body);
  }

  const sluice::jobs::Desk desk_;
  const std::string prefix_;
  const std::string listener_;
};

}  // namespace

std::shared_ptr<http::Later> make_later(const sluice::jobs::Desk& desk, std::string prefix,
                                        std::string listener) {
  return std::make_shared<LaterJobs>(desk, std::move(prefix), std::move(listener));
}

}  // namespace sluice::api::jobs
