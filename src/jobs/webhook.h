// What is told to a webhook, how it is signed, and when it is tried again: the Standard Webhooks
// convention (standardwebhooks.com, version 1.0). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "http/client/url.h"
#include "jobs/job.h"

namespace sluice::jobs {

inline constexpr std::size_t kMaxWebhookBytes = 2048;  // of the URL

// The key inside "whsec_<base64 of 24 to 64 bytes>". kInvalid says what is wrong.
Result<std::string> webhook_key(std::string_view secret);

// Is it a URL to which something may be sent? http or https; with `allow_private` any host, else
// none that is an address of a private network. What a name resolves to shows only later.
Result<http::Url> webhook_url(std::string_view url, bool allow_private);

// Of such a URL, what may be told of it: path and query may hold a secret. "https://example.com/.."
std::string webhook_origin(std::string_view url);

// "v1,<base64 of HMAC-SHA256 over id.timestamp.body>".
std::string webhook_signature(std::string_view key, std::string_view id, std::int64_t timestamp_s,
                              std::string_view body);

// {"type": "job.completed", "timestamp": .., "data": <job>}; `job_json` is the job as JSON.
std::string webhook_body(const Job& job, std::string_view job_json);

// How long after attempt `attempt` (from 1) failed the next one follows: five seconds, then longer
// and longer, over about a day; less a random part (`random` in [0, 1)) of up to a fifth, so that
// what failed together does not come back together. None: that was the last.
std::optional<Duration> webhook_retry(std::uint32_t attempt, double random);

// What became of an attempt.
enum class WebhookEnd : std::uint8_t {
  kDelivered,  // 2xx
  kFailed,     // to be tried again
  kGaveUp,     // the last attempt failed
  kGone,       // 410: whoever it was does not want to be told any more
  kRefused     // the URL leads to an address to which nothing is sent
};
std::string_view to_string(WebhookEnd end);  // "delivered", ...

// By the status of the answer; none: there was no answer.
WebhookEnd webhook_end(std::optional<int> status);

}  // namespace sluice::jobs
