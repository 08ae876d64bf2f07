#include "api/generation/fields.h"

#include <gtest/gtest.h>

#include "api/generation/sampling.h"

namespace sluice::api::generation {
namespace {

class FieldsTest : public ::testing::Test {
 protected:
  Fields of(std::string_view text) {
    const auto parsed = reader_.parse_copy(text);
    EXPECT_TRUE(parsed) << text;
    return {*parsed, faults_};
  }
  std::string fault() const {
    return faults_.any() ? faults_.first().param + ": " + faults_.first().error.message : "";
  }

  json::Reader reader_;
  Faults faults_;
};

TEST_F(FieldsTest, TakesNullForLeftOutAndIgnoresWhatNobodyAsksFor) {
  const Fields f = of(R"({"a": null, "other": {"deep": 1}})");
  EXPECT_FALSE(f.text("a"));
  EXPECT_FALSE(f.number("b", 0, 1));
  EXPECT_EQ(fault(), "");
}

TEST_F(FieldsTest, NamesTheMemberThatIsWrong) {
  struct Case {
    std::string json;
    std::string fault;
  };
  const Case cases[] = {
      {R"({"temperature": "hot"})",
       "temperature: 'temperature' must be a number from 0 to 100, got the string \"hot\""},
      {R"({"temperature": -1})",
       "temperature: 'temperature' must be a number from 0 to 100, got -1"},
      {R"({"top_k": 1.5})", "top_k: 'top_k' must be an integer from -1 to 1000000000, got 1.5"},
      {R"({"seed": []})", "seed: 'seed' must be an integer, got an array"},
      {R"({"top_p": 2, "min_p": 3})", "top_p: 'top_p' must be a number from 0 to 1, got 2"},
  };
  for (const Case& c : cases) {
    faults_ = {};
    Sampling sampling;
    read_sampling(of(c.json), sampling);
    EXPECT_EQ(fault(), c.fault);
  }
}

TEST_F(FieldsTest, ReadsSamplingAndLeavesTheRestAsItIs) {
  Sampling s{.temperature = 0.8, .top_k = 40};
  read_sampling(of(R"({"temperature": 0, "seed": -1, "min_p": 0.05, "top_p": 1, "mirostat": 2.0})"),
                s);
  EXPECT_EQ(fault(), "");
  EXPECT_EQ(s.temperature, 0);
  EXPECT_EQ(s.top_k, 40);
  EXPECT_EQ(s.seed, 0xFFFFFFFFU);
  EXPECT_EQ(s.min_p, 0.05);
  EXPECT_EQ(s.mirostat, 2);
  EXPECT_FALSE(s.typical_p);
}

TEST_F(FieldsTest, ReadsStopsAsATextOrAList) {
  EXPECT_EQ(read_stops(of(R"({"stop": "\n"})")), std::vector<std::string>{"\n"});
  EXPECT_EQ(read_stops(of(R"({"stop": ["a", "b"]})")), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(read_stops(of(R"({})")).empty());
  EXPECT_EQ(fault(), "");
  read_stops(of(R"({"stop": ["a", 1]})"));
  EXPECT_EQ(fault(), "stop[1]: 'stop[1]' must be a string, got 1");
}

TEST_F(FieldsTest, RefusesMoreStopsThanAreTakenAndLongerOnes) {
  std::string many = R"({"stop": [)";
  for (std::size_t i = 0; i <= kMaxStopTexts; ++i) many += i == 0 ? "\"x\"" : ",\"x\"";
  read_stops(of(many + "]}"));
  EXPECT_EQ(fault(), "stop: 'stop' has 17 entries, at most 16 are taken");
  faults_ = {};
  read_stops(of(R"({"stop": ")" + std::string(kMaxStopBytes + 1, 'x') + "\"}"));
  EXPECT_EQ(fault(), "stop: 'stop': a text to stop at has at most 1024 bytes, got 1025");
}

TEST_F(FieldsTest, ReadsToolsWithTheirSchemas) {
  const auto tools = read_tools(of(R"({"tools": [{"type": "function", "function": {
      "name": "weather", "description": "d", "parameters": {"type": "object"}}}]})"));
  EXPECT_EQ(fault(), "");
  ASSERT_EQ(tools.size(), 1);
  EXPECT_EQ(tools[0].name, "weather");
  EXPECT_EQ(tools[0].parameters, R"({"type":"object"})");
  read_tools(of(R"({"tools": [{"type": "function", "function": {}}]})"));
  EXPECT_EQ(fault(), "tools[0].function.name: 'tools[0].function.name' is missing");
}

TEST_F(FieldsTest, ReadsArgumentsOfCallsAsATextOrAnObject) {
  const auto calls = read_tool_calls(of(R"({"tool_calls": [
      {"id": "1", "function": {"name": "f", "arguments": "{\"a\": 1}"}},
      {"function": {"name": "f", "arguments": {"a": 1}}},
      {"function": {"name": "f"}}]})"));
  EXPECT_EQ(fault(), "");
  ASSERT_EQ(calls.size(), 3);
  EXPECT_EQ(calls[0].id, "1");
  EXPECT_EQ(calls[0].arguments, R"({"a": 1})");
  EXPECT_EQ(calls[1].arguments, R"({"a":1})");
  EXPECT_EQ(calls[2].arguments, "{}");
  read_tool_calls(of(R"({"tool_calls": [{"function": {"name": "f", "arguments": 1}}]})"));
  EXPECT_EQ(fault(),
            "tool_calls[0].function.arguments: 'tool_calls[0].function.arguments' must be a "
            "string, got 1");
  faults_ = {};
  read_tool_calls(of(R"({"tool_calls": [{"id": "1"}]})"));
  EXPECT_EQ(fault(), "tool_calls[0].function: 'tool_calls[0].function' is missing");
}

TEST_F(FieldsTest, ReadsThePriority) {
  EXPECT_EQ(read_priority(of(R"({"priority": "high"})")), ServiceClass::kRealtime);
  EXPECT_EQ(read_priority(of(R"({"priority": "low"})")), ServiceClass::kBestEffort);
  EXPECT_FALSE(read_priority(of("{}")));
  EXPECT_EQ(fault(), "");
  EXPECT_FALSE(read_priority(of(R"({"priority": "urgent"})")));
  EXPECT_EQ(fault(), "priority: 'priority' must be high or low, got 'urgent'");
}

}  // namespace
}  // namespace sluice::api::generation
