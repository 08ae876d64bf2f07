#include "jobs/webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::jobs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(Webhook, IsSignedAsTheConventionsOwnExample) {
  const auto key = webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  ASSERT_TRUE(key);
  EXPECT_EQ(webhook_signature(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                              R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Webhook, NeedsASecretOfEnoughBytes) {
  for (const char* secret : {"", "whsec_", "whsec_MfKQ", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                             "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w"}) {
    EXPECT_EQ(webhook_key(secret).error().code, ErrorCode::kInvalid) << secret;
  }
}

TEST(Webhook, GoesToThePublicInternetOnly) {
  for (const char* url :
       {"https://example.com/hook?a=1", "http://example.com", "https://1.1.1.1/"}) {
    EXPECT_TRUE(webhook_url(url, false)) << url;
  }
  for (const char* url :
       {"http://127.0.0.1/", "http://localhost:8080/", "http://a.localhost/", "http://10.0.0.1/",
        "http://169.254.169.254/latest", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
        "http+unix://%2Frun%2Fa.sock/", "ftp://example.com/", "example.com", ""}) {
    EXPECT_EQ(webhook_url(url, false).error().code, ErrorCode::kInvalid) << url;
  }
  EXPECT_TRUE(webhook_url("http://127.0.0.1:9/", true));
  EXPECT_FALSE(webhook_url("http+unix://%2Frun%2Fa.sock/", true)) << "never";
  EXPECT_FALSE(webhook_url("https://example.com/" + std::string(kMaxWebhookBytes, 'a'), true));
}

TEST(Webhook, IsToldOfWithoutWhatMayBeSecret) {
  const std::pair<const char*, const char*> rows[] = {
      {"https://example.com/hook/s3cret?token=1", "https://example.com/.."},
      {"http://example.com:8080", "http://example.com:8080"},
      {"http://[::1]:9/a", "http://[::1]:9/.."},
      {"nothing", ""},
  };
  for (const auto& [url, told] : rows) EXPECT_EQ(webhook_origin(url), told) << url;
}

TEST(Webhook, IsTriedAgainForAboutADay) {
  const std::pair<std::uint32_t, Duration> rows[] = {
      {1, seconds(5)}, {2, minutes(1)}, {3, minutes(5)}, {4, minutes(30)}, {5, hours(1)}};
  for (const auto& [attempt, wait] : rows) EXPECT_EQ(webhook_retry(attempt, 0), wait) << attempt;
  Duration all{};
  std::uint32_t attempt = 1;
  for (; const auto wait = webhook_retry(attempt, 0); ++attempt) all += *wait;
  EXPECT_GT(all, hours(20));
  EXPECT_LT(all, hours(25));
  EXPECT_EQ(webhook_retry(attempt, 0.5), std::nullopt) << "it ends";
  EXPECT_EQ(webhook_retry(0, 0), std::nullopt);
}

TEST(Webhook, ComesBackSpreadOverAFifthOfTheWait) {
  for (const double random : {0.0, 0.3, 0.9999}) {
    const auto wait = webhook_retry(3, random);
    EXPECT_LE(*wait, minutes(5));
    EXPECT_GE(*wait, minutes(4));
  }
  EXPECT_NE(webhook_retry(3, 0.1), webhook_retry(3, 0.2));
}

TEST(Webhook, EndsByTheStatusOfTheAnswer) {
  const std::pair<std::optional<int>, WebhookEnd> rows[] = {
      {200, WebhookEnd::kDelivered},      {204, WebhookEnd::kDelivered}, {301, WebhookEnd::kFailed},
      {307, WebhookEnd::kFailed},         {400, WebhookEnd::kFailed},    {404, WebhookEnd::kFailed},
      {410, WebhookEnd::kGone},           {429, WebhookEnd::kFailed},    {500, WebhookEnd::kFailed},
      {std::nullopt, WebhookEnd::kFailed}};
  for (const auto& [status, end] : rows) EXPECT_EQ(webhook_end(status), end) << status.value_or(0);
}

TEST(Webhook, TellsWhatBecameOfTheJob) {
  Job job;
  job.state = JobState::kFailed;
  job.finished = WallTime(seconds(1'700'000'000));
  EXPECT_EQ(webhook_body(job, R"({"id":"1"})"),
            R"({"type":"job.failed","timestamp":"2023-11-14T22:13:20.000Z","data":{"id":"1"}})");
}

}  // namespace
}  // namespace sluice::jobs
