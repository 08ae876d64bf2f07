#include "jobs/webhook.h"

#include <array>

#include "base/base64.h"
#include "base/digest.h"
#include "base/format.h"
#include "base/timestamp.h"
#include "http/client/address.h"
#include "http/client/public_address.h"
#include "http/json/writer.h"

namespace sluice::jobs {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kLeastKey = 24;
constexpr std::size_t kMostKey = 64;

// After each attempt that failed; together a little less than a day.
constexpr std::array<Duration, 9> kWaits = {seconds(5),  minutes(1), minutes(5),
                                            minutes(30), hours(1),   hours(3),
                                            hours(5),    hours(7),   hours(7)};

}  // namespace

Result<std::string> webhook_key(std::string_view secret) {
  if (secret.starts_with(kPrefix)) {
    auto key = from_base64(secret.substr(kPrefix.size()));
    if (key && key->size() >= kLeastKey && key->size() <= kMostKey) return std::move(*key);
  }
  return fail(invalid(
      formatted("expected {}<base64 of {} to {} random bytes>", kPrefix, kLeastKey, kMostKey)));
}

Result<http::Url> webhook_url(std::string_view text, bool allow_private) {
  if (text.size() > kMaxWebhookBytes) {
    return fail(invalid(formatted("longer than {} bytes", kMaxWebhookBytes)));
  }
  auto url = http::parse_url(text);
  if (!url) return url;
  if (url->scheme == http::Url::Scheme::kUnix) {
    return fail(invalid("expected an http:// or https:// URL"));
  }
  const auto literal = http::Address::parse(url->host, url->port);
  const bool local = url->host == "localhost" || url->host.ends_with(".localhost");
  if (!allow_private && (local || (literal && !http::is_public(*literal)))) {
    return fail(
        invalid(formatted("{} is not on the public internet, and this server sends "
                          "nothing elsewhere (jobs.webhooks.allow_private)",
                          url->host)));
  }
  return url;
}

std::string webhook_origin(std::string_view text) {
  const auto url = http::parse_url(text);
  if (!url) return {};
  const bool tls = url->scheme == http::Url::Scheme::kHttps;
  const bool literal = url->host.contains(':');
  std::string origin = tls ? "https://" : "http://";
  origin += literal ? formatted("[{}]", url->host) : url->host;
  if (url->port != (tls ? 443 : 80)) origin += formatted(":{}", url->port);
  return origin + (url->path.empty() ? "" : "/..");
}

std::string webhook_signature(std::string_view key, std::string_view id, std::int64_t timestamp_s,
                              std::string_view body) {
  const Sha256 digest = hmac_sha256(key, formatted("{}.{}.{}", id, timestamp_s, body));
  std::string signature = "v1,";
  append_base64(signature, {reinterpret_cast<const char*>(digest.data()), digest.size()});
  return signature;
}

std::string webhook_body(const Job& job, std::string_view job_json) {
  std::string time;
  append_timestamp(time, job.finished.value_or(job.created));
  std::string body;
  json::Writer(body)
      .begin_object()
      .field("type", formatted("job.{}", to_string(job.state)))
      .field("timestamp", time)
      .key("data")
      .raw(job_json)
      .end_object();
  return body;
}

std::optional<Duration> webhook_retry(std::uint32_t attempt, double random) {
  if (attempt == 0 || attempt > kWaits.size()) return std::nullopt;
  const Duration full = kWaits[attempt - 1];
  return full - std::chrono::duration_cast<Duration>(full * (random / 5));
}

std::string_view to_string(WebhookEnd end) {
  switch (end) {
    case WebhookEnd::kDelivered:
      return "delivered";
    case WebhookEnd::kFailed:
      return "failed";
    case WebhookEnd::kGaveUp:
      return "gave_up";
    case WebhookEnd::kGone:
      return "gone";
    case WebhookEnd::kRefused:
      break;
  }
  return "refused";
}

WebhookEnd webhook_end(std::optional<int> status) {
  if (!status) return WebhookEnd::kFailed;
  if (*status / 100 == 2) return WebhookEnd::kDelivered;
  return *status == 410 ? WebhookEnd::kGone : WebhookEnd::kFailed;
}

}  // namespace sluice::jobs
