#include "backends/http_predict/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace sluice::http_predict {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::pair<HttpPredictOptions, std::string> read(std::string_view text) {
  config::Problems problems;
  const auto node = config::parse(text, "/etc/s.yaml", config::Surroundings::none(), problems);
  if (!node) return {{}, problems.to_string()};
  auto options = config::read<HttpPredictOptions>(*node, problems);
  return {std::move(options), problems.to_string()};
}

TEST(HttpPredictOptions, AreReadFromAFile) {
  const auto [options, problems] = read(R"(
replicas: ["http://service_setosa:8000", "https://a/base"]
timeout: 2s
columns: 4
max_answer_bytes: 1MiB
tls: {ca: ca.pem, verify: false}
ejection: {consecutive_failures: 2, base_time: 100ms}
retry: {enabled: false}
)");
  ASSERT_EQ(problems, "");
  EXPECT_EQ(options.urls.size(), 2U);
  EXPECT_EQ(options.timeout, 2s);
  EXPECT_EQ(options.connect_timeout, 1s);
  EXPECT_EQ(options.columns, 4);
  EXPECT_EQ(options.max_answer_bytes, 1U << 20);
  EXPECT_EQ(options.tls.ca, "/etc/ca.pem");
  EXPECT_TRUE(options.tls.key.empty());
  EXPECT_EQ(options.ejection.consecutive_failures, 2U);
  EXPECT_FALSE(options.retry.enabled);
}

TEST(HttpPredictOptions, AreRefusedWithWhatWouldBeRight) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"timeout: 1s", "the key 'replicas' is missing"},
      {"replicas: []", "replicas"},
      {"replicas: [\"localhost:8000\"]", "a URL that can be called (it has no scheme"},
      {"replicas: [\"http://a/?x=1\"]", "a URL without a query"},
      {"replicas: [\"http://a\"]\npredict_path: predict", "a path that begins with '/'"},
      {"replicas: [\"http://a\"]\ncolumns: 0", "must be -1 or at least 1"},
      {"replicas: [\"http://a\"]\ntimeout: 1s\nconnect_timeout: 2s",
       "must not be longer than timeout"},
      {"replicas: [\"http://a\"]\nejection: {max_time: 10ms}",
       "must not be shorter than base_time"},
      {"replicas: [\"http://a\"]\nejection: {max_share: 2}", "from 0 to 1"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(read(text).second, HasSubstr(message)) << text;
  }
}

}  // namespace
}  // namespace sluice::http_predict
