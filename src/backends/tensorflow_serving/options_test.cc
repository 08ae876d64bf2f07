#include "backends/tensorflow_serving/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace sluice::tensorflow_serving {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::pair<TensorflowServingOptions, std::string> read(std::string_view text) {
  config::Problems problems;
  const auto node = config::parse(text, "/etc/s.yaml", config::Surroundings::none(), problems);
  if (!node) return {{}, problems.to_string()};
  auto options = config::read<TensorflowServingOptions>(*node, problems);
  return {std::move(options), problems.to_string()};
}

TEST(TensorflowServingOptions, AreReadFromAFile) {
  const auto [options, problems] = read(R"(
address: tensorflow_serving:8500
model: iris
version: 3
signature: predict
timeout: 2s
tls: {ca: ca.pem}
)");
  ASSERT_EQ(problems, "");
  EXPECT_EQ(options.address, "tensorflow_serving:8500");
  EXPECT_EQ(options.version, 3);
  EXPECT_EQ(options.signature, "predict");
  EXPECT_EQ(options.timeout, 2s);
  EXPECT_EQ(options.tls->ca, "/etc/ca.pem");
  EXPECT_TRUE(options.tls->verify);
  for (const char* address : {"localhost:8500", "127.0.0.1:1", "[::1]:8500", "unix:/run/tf.sock"}) {
    EXPECT_EQ(read(std::string("address: \"") + address + "\"").second, "");
  }
}

TEST(TensorflowServingOptions, AreRefusedWithWhatWouldBeRight) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"model: iris", "the key 'address' is missing"},
      {"address: localhost", "host:port, [v6]:port or unix:/path"},
      {"address: \"[::1]\"", "host:port"},
      {"address: \"http://localhost:8500\"", "host:port"},
      {"address: \"localhost:8500/a\"", "host:port"},
      {"address: \"localhost:99999\"", "host:port"},
      {"address: \"unix:\"", "host:port"},
      {"{address: \"a:1\", version: -1}", "version"},
      {"{address: \"a:1\", version: 1, label: stable}", "by its number or by a label, not by both"},
      {"{address: \"a:1\", signature: \"\"}", "signature"},
      {"{address: \"a:1\", timeout: 1s, connect_timeout: 2s}", "must not be longer than timeout"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(read(text).second, HasSubstr(message)) << text;
  }
}

}  // namespace
}  // namespace sluice::tensorflow_serving
