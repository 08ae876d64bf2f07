// Tells webhooks of the ends of jobs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/time.h"
#include "http/client/client.h"
#include "http/client/resolver.h"
#include "jobs/hub.h"
#include "jobs/store.h"
#include "jobs/webhook.h"
#include "runtime/event_loop.h"
#include "telemetry/job_metrics.h"
#include "telemetry/log.h"

namespace sluice::jobs {

struct WebhookOptions {
  std::string key;             // with which they are signed
  bool allow_private = false;  // addresses that are not of the public internet
  std::size_t concurrency = 16;
  Duration timeout = std::chrono::seconds(15);  // of one attempt
  std::size_t max_body_bytes = 256 * 1024;      // of what is sent; beyond it the result is left out
};

// Lives on one loop: all but the constructor and the destructor belong to its thread. What it sends
// is in the store, so a crash costs an attempt and no message; a receiver may get one twice, under
// the same webhook-id.
//
// Where a name leads is looked at for each attempt, and the connection goes to an address that was
// looked at: what a name server says later changes nothing. Redirects are not followed.
class WebhookSender {
 public:
  struct Services {
    EventLoop& home;
    DeliveryStore& store;
    Hub& hub;
    http::Resolver& resolver;
    const Clock& clock;
    telemetry::Metrics& metrics;
    telemetry::Log& log;
    // The job as JSON, with its output where that is not empty.
    std::function<std::string(const Job&, std::string_view output)> job_json;
  };
  WebhookSender(Services services, WebhookOptions options, std::uint64_t seed);
  // After drain() has said that it is done, on the loop's thread or when that has ended.
  ~WebhookSender();
  WebhookSender(const WebhookSender&) = delete;
  WebhookSender& operator=(const WebhookSender&) = delete;

  void start();
  // Takes no more. `done` runs when what is under way has ended.
  void drain(Task done);
  // Does not wait for answers any more.
  void release_all();

 private:
  struct Sending;
  using SendingPtr = std::shared_ptr<Sending>;
  struct Door;

  void every_look();
  void look();
  void claimed(std::size_t asked, Result<std::vector<Delivery>> result);
  void begin(Delivery delivery);
  void resolved(const SendingPtr& sending, const http::Url& url, Result<http::Addresses> found);
  void send(const SendingPtr& sending, const http::Url& url, const http::Address& to);
  void answered(const SendingPtr& sending, const Result<http::ClientResponse>& answer);
  void end(const SendingPtr& sending, WebhookEnd end, const std::string& why,
           Duration at_least = {});
  void settled(const SendingPtr& sending);
  void finish_drain();
  [[nodiscard]] bool is_gone(const std::string& url);

  Services services_;
  WebhookOptions options_;
  Random random_;
  http::TlsContextPtr tls_;
  std::string tls_error_;
  std::unique_ptr<http::Client> client_;
  telemetry::WebhookMetrics metrics_;
  std::map<std::string, SendingPtr> sending_;  // by job
  // Those who answered 410, and until when nothing is sent there.
  std::map<std::string, TimePoint> gone_;
  bool claiming_ = false;
  bool again_ = false;
  bool draining_ = false;
  Task drained_;
  TimerId timer_ = 0;
  std::shared_ptr<Door> door_;
};

}  // namespace sluice::jobs
