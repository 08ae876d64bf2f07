#include "jobs/webhook_sender.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "http/client/public_address.h"

namespace sluice::jobs {

namespace {

// How often retries that are due are looked for; new ones make themselves heard.
constexpr std::chrono::seconds kLookEvery{1};
// Beyond the attempt itself, until another may take it: for the store to be told.
constexpr std::chrono::seconds kGrace{30};
// How long nothing is sent to who answered 410, and how many of those are remembered.
constexpr std::chrono::hours kGoneFor{24};
constexpr std::size_t kMostGone = 4096;
// Of what a receiver says to it, which nobody reads.
constexpr std::size_t kLongestAnswer = 64 * 1024;
constexpr std::chrono::hours kLongestWait{1};  // that a receiver may ask for (Retry-After)

Duration retry_after(const http::ClientResponse& response) {
  const auto text = response.headers.find("Retry-After");
  if (!text) return {};
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc() || end != text->data() + text->size()) return {};
  return std::min<Duration>(std::chrono::seconds(seconds), kLongestWait);
}

}  // namespace

// One attempt.
struct WebhookSender::Sending {
  Delivery delivery;
  TimePoint began;
  CancelHandle handle;
};

// News comes from any thread.
struct WebhookSender::Door {
  WebhookSender* sender = nullptr;  // of the loop's thread; null: gone
  std::atomic<bool> posted = false;
};

WebhookSender::WebhookSender(Services services, WebhookOptions options, std::uint64_t seed)
    : services_(std::move(services)),
      options_(std::move(options)),
      random_(seed),
      metrics_(telemetry::webhook_metrics(services_.metrics)),
      door_(std::make_shared<Door>()) {
  door_->sender = this;
  if (auto tls = http::TlsContext::client({})) {
    tls_ = std::move(*tls);
  } else {
    tls_error_ = tls.error().message;
  }
  http::ClientOptions client;
  client.max_connections = options_.concurrency;
  client.limits.body_bytes = kLongestAnswer;
  client_ = std::make_unique<http::Client>(services_.home, services_.resolver, client);
  services_.hub.add_listener({.delivery = [door = door_, &home = services_.home] {
    if (door->posted.exchange(true)) return;
    home.post([door] {
      door->posted.store(false);
      if (door->sender != nullptr) door->sender->look();
    });
  }});
}

WebhookSender::~WebhookSender() {
  door_->sender = nullptr;
}

void WebhookSender::start() {
  every_look();
}

void WebhookSender::every_look() {
  timer_ =
      services_.home.run_at(services_.home.now() + Duration(kLookEvery), [this] { every_look(); });
  look();
}

void WebhookSender::look() {
  if (draining_) return;
  if (claiming_) {
    again_ = true;
    return;
  }
  const std::size_t free = options_.concurrency - std::min(options_.concurrency, sending_.size());
  if (free == 0) return;
  again_ = false;
  claiming_ = true;
  services_.store.claim_deliveries(services_.home, free, options_.timeout + Duration(kGrace),
                                   [this, free](auto result) { claimed(free, std::move(result)); });
}

void WebhookSender::claimed(std::size_t asked, Result<std::vector<Delivery>> result) {
  claiming_ = false;
  // A store that is away is asked again by the timer.
  if (result) {
    const bool more = again_ || result->size() == asked;
    for (Delivery& delivery : *result) begin(std::move(delivery));
    if (more) look();
  }
  finish_drain();
}

bool WebhookSender::is_gone(const std::string& url) {
  const auto it = gone_.find(url);
  if (it == gone_.end()) return false;
  if (it->second > services_.home.now()) return true;
  gone_.erase(it);
  return false;
}

void WebhookSender::begin(Delivery delivery) {
  auto sending = std::make_shared<Sending>(std::move(delivery), services_.home.now());
  const Job& job = sending->delivery.job;
  sending_[job.id] = sending;
  if (is_gone(job.webhook)) return end(sending, WebhookEnd::kGone, "it answered 410 before");
  const auto url = webhook_url(job.webhook, options_.allow_private);
  if (!url) return end(sending, WebhookEnd::kRefused, url.error().message);
  services_.resolver.resolve(url->host, services_.home,
                             [this, sending, url = *url](Result<http::Addresses> found) {
                               resolved(sending, url, std::move(found));
                             });
}

void WebhookSender::resolved(const SendingPtr& sending, const http::Url& url,
                             Result<http::Addresses> found) {
  if (!found) return end(sending, WebhookEnd::kFailed, found.error().message);
  const auto allowed = std::ranges::find_if(*found, [&](const http::Address& address) {
    return options_.allow_private || http::is_public(address);
  });
  if (allowed == found->end()) {
    return end(sending, WebhookEnd::kRefused,
               formatted("{} leads to {}, which is not on the public internet", url.host,
                         found->empty() ? "nowhere" : found->front().ip()));
  }
  send(sending, url, *allowed);
}

void WebhookSender::send(const SendingPtr& sending, const http::Url& url, const http::Address& to) {
  const bool secure = url.scheme == http::Url::Scheme::kHttps;
  if (secure && tls_ == nullptr) return end(sending, WebhookEnd::kFailed, tls_error_);
  const Delivery& delivery = sending->delivery;
  std::string body = webhook_body(delivery.job, services_.job_json(delivery.job, delivery.output));
  if (body.size() > options_.max_body_bytes) {
    body = webhook_body(delivery.job, services_.job_json(delivery.job, {}));
  }
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(services_.clock.wall().time_since_epoch())
          .count();
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.target = url.path.empty() ? "/" : url.path;
  request.headers = {
      {"Content-Type", "application/json"},
      {"User-Agent", "Sluice"},
      {"webhook-id", delivery.job.id},
      {"webhook-timestamp", std::to_string(now)},
      {"webhook-signature", webhook_signature(options_.key, delivery.job.id, now, body)}};
  request.body = std::move(body);
  request.deadline = Deadline::after(services_.home.now(), options_.timeout);
  http::Origin origin = http::Origin::of(url, tls_);
  origin.address = to.with_port(url.port);
  sending->handle = client_->start(origin, std::move(request),
                                   [this, sending](auto answer) { answered(sending, answer); });
}

void WebhookSender::answered(const SendingPtr& sending,
                             const Result<http::ClientResponse>& answer) {
  sending->handle.release();
  metrics_.duration.record(services_.home.now() - sending->began);
  if (!answer) {
    // More than it should say is an answer all the same.
    return end(sending, WebhookEnd::kFailed, answer.error().message);
  }
  const WebhookEnd how = webhook_end(answer->status);
  if (how == WebhookEnd::kGone) {
    if (gone_.size() >= kMostGone) gone_.erase(gone_.begin());
    gone_[sending->delivery.job.webhook] = services_.home.now() + Duration(kGoneFor);
  }
  end(sending, how, formatted("it answered {}", answer->status), retry_after(*answer));
}

void WebhookSender::end(const SendingPtr& sending, WebhookEnd how, const std::string& why,
                        Duration at_least) {
  const Delivery& delivery = sending->delivery;
  std::optional<Duration> again;
  if (how == WebhookEnd::kFailed) {
    again = webhook_retry(delivery.attempt, random_.unit());
    if (again) {
      again = std::max(*again, at_least);
    } else {
      how = WebhookEnd::kGaveUp;
    }
  }
  metrics_.ended[static_cast<std::size_t>(how)].add();
  if (how == WebhookEnd::kDelivered) {
    services_.log.info("webhooks", "webhook_delivered",
                       {{"job_id", delivery.job.id}, {"attempt", delivery.attempt}});
  } else {
    services_.log.warn("webhooks", "webhook_failed",
                       {{"job_id", delivery.job.id},
                        {"attempt", delivery.attempt},
                        {"outcome", to_string(how)},
                        {"url", webhook_origin(delivery.job.webhook)},
                        {"error", why}});
  }
  services_.store.settle_delivery(services_.home, delivery.ticket(), again,
                                  [this, sending](const Result<>& done) {
                                    // What the store did not hear is due again by itself.
                                    static_cast<void>(done);
                                    settled(sending);
                                  });
}

void WebhookSender::settled(const SendingPtr& sending) {
  const auto it = sending_.find(sending->delivery.job.id);
  if (it != sending_.end() && it->second == sending) sending_.erase(it);
  look();
  finish_drain();
}

void WebhookSender::drain(Task done) {
  draining_ = true;
  drained_ = std::move(done);
  services_.home.cancel(timer_);
  finish_drain();
}

void WebhookSender::release_all() {
  std::vector<SendingPtr> all;
  all.reserve(sending_.size());
  for (const auto& [id, sending] : sending_) all.push_back(sending);
  for (const SendingPtr& sending : all) sending->handle.cancel();
}

void WebhookSender::finish_drain() {
  if (!draining_ || claiming_ || !sending_.empty() || !drained_) return;
  std::exchange(drained_, nullptr)();
}

}  // namespace sluice::jobs
