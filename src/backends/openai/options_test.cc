#include "backends/openai/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace sluice::openai {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::pair<OpenAiOptions, std::string> read(std::string_view text) {
  config::Problems problems;
  const auto node = config::parse(text, "/etc/s.yaml", config::Surroundings::none(), problems);
  if (!node) return {{}, problems.to_string()};
  auto options = config::read<OpenAiOptions>(*node, problems);
  return {std::move(options), problems.to_string()};
}

TEST(OpenAiOptions, AreReadFromAFile) {
  const auto [options, problems] = read(R"(
urls: ["http://a:8000", "http://b:8000/v1"]
engine_slots: 8
engine_reserved: 3
engines:
  - {url: "https://spare", slots: 2, weight: 0.5, best_effort_only: true}
  - {url: "https://other", slots: 2}
  - {url: "https://small", slots: 1}
engine_model: org/model
task: embed
api_key: sk-secret
extensions: vllm
first_token_timeout: 5s
max_event_bytes: 1MiB
)");
  ASSERT_EQ(problems, "");
  const auto all = options.all_engines();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[1].slots, 8U);
  EXPECT_EQ(all[2].slots, 2U);
  const std::uint32_t reserved[] = {3, 3, 0, 1, 0};
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].reserved_slots(), reserved[i]) << i;
  EXPECT_TRUE(all[2].best_effort_only);
  EXPECT_EQ(options.task, generation_wire::TaskKind::kEmbed);
  EXPECT_EQ(options.extensions, Extensions::kVllm);
  EXPECT_EQ(options.first_token_timeout, 5s);
  EXPECT_EQ(options.max_event_bytes, 1U << 20);
  EXPECT_THAT(config::to_yaml(options), testing::Not(HasSubstr("sk-secret")));
}

TEST(OpenAiOptions, AreRefusedWithWhatWouldBeRight) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"engine_slots: 2", "no engine is named: set urls, or engines"},
      {"urls: [\"a:1\"]", "a URL that can be called"},
      {"urls: [\"http://a/?x\"]", "a URL without a query"},
      {"urls: [\"http://a\", \"http://A:80\"]", "the engine http://a is named twice"},
      {"urls: [\"http://a\"]\nengine_slots: 0", "engine_slots"},
      {"urls: [\"http://a\"]\nengine_slots: 2\nengine_reserved: 2",
       "best effort would never run at http://a: at most 1 of 2 slots can be reserved"},
      {"urls: [\"http://a\"]\npath_prefix: v1", "a path that begins with '/'"},
      {"urls: [\"http://a\"]\napi_key: \"a\\nb\"", "a key without line breaks"},
      {"urls: [\"http://a\"]\ntimeout: 1s\nconnect_timeout: 2s", "must not be longer than timeout"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(read(text).second, HasSubstr(message)) << text;
  }
}

}  // namespace
}  // namespace sluice::openai
