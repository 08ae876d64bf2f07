// What is wrong with a configuration before anything is made from it, by tables.
#include "app/options.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "config/config.h"
#include "inference/callable.h"

namespace sluice::app {
namespace {

struct Outcome {
  Options options;
  config::Problems problems;
};

Outcome read(const std::string& text) {
  Outcome outcome;
  const auto node = config::parse(text, "s.yaml", config::Surroundings::none(), outcome.problems);
  if (node) outcome.options = config::read<Options>(*node, outcome.problems);
  return outcome;
}

std::string problems_of(const std::string& text) {
  return read(text).problems.to_string();
}

constexpr std::string_view kListeners =
    "version: 1\nlisteners: [{address: '127.0.0.1:0', mounts: [{api: open_inference}]}]\n";

TEST(Options, AreCheckedAcrossFieldsThatDidNotRead) {
  EXPECT_EQ(problems_of(R"(version: 1
listeners:
  - address: nowhere
    mounts:
      - {api: fantasy, target: gone}
      - {api: horizontal_service, target: missing, prefix: odd}
callables:
  setosa: {model: {backend: onnx, path: a.onnx, latest: x}}
  pair:
    ensemble:
      members: {one: {target: setosa, weight: x}, two: {target: nobody}}
      deadline: 5 parsecs
      quorum: 3
limits: {connections: many}
)"),
            "s.yaml:3:14: listeners[0].address: expected an address like 127.0.0.1:8080, "
            "[::1]:8080 or unix:/path, but 'nowhere' came\n"
            "s.yaml:5:15: listeners[0].mounts[0].api: expected horizontal_service, "
            "horizontal_proxy, async_iris, open_inference, tensorflow_serving, openai, ollama, "
            "news_creator, jobs or admin, but "
            "'fantasy' came\n"
            "s.yaml:5:32: listeners[0].mounts[0].target: there is no callable 'gone'\n"
            "s.yaml:6:43: listeners[0].mounts[1].target: there is no callable 'missing'\n"
            "s.yaml:6:60: listeners[0].mounts[1].prefix: expected a path such as /iris, without a "
            "'/' at its end, but 'odd' came\n"
            "s.yaml:8:57: callables.setosa.model.latest: expected a whole number from 1 to 1000, "
            "but 'x' came\n"
            "s.yaml:11:47: callables.pair.ensemble.members.one.weight: expected a number, but 'x' "
            "came\n"
            "s.yaml:11:65: callables.pair.ensemble.members.two.target: there is no callable "
            "'nobody'\n"
            "s.yaml:12:17: callables.pair.ensemble.deadline: expected a duration such as 250ms, "
            "1s, 5m or 24h, but '5 parsecs' came\n"
            "s.yaml:13:15: callables.pair.ensemble.quorum: the quorum is larger than the number "
            "of members, which is 2\n"
            "s.yaml:14:23: limits.connections: expected a whole number from 1 to 10000000, but "
            "'many' came");
}

// One fault each, and nothing that follows from it.
TEST(Options, NameAFaultWithoutWhatFollowsFromIt) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"listeners: {}\n", "listeners: expected a list"},
      {"callables: []\nlisteners: [{address: 'unix:/x', mounts: [{api: horizontal_service, target: "
       "a}]}]\n",
       "callables: expected a mapping"},
      {"callables: {a: 5}\nlisteners: [{address: 'unix:/x', mounts: [{api: horizontal_proxy, "
       "target: a}]}]\n",
       "callables.a: expected a mapping"},
      {"callables: {a: {ensemble: {}}}\nlisteners: [{address: 'unix:/x', mounts: [{api: "
       "horizontal_proxy, target: a}]}]\n",
       "the key 'members' is missing"},
      {"callables: {a: {model: {}}}\nlisteners: [{address: 'unix:/x', mounts: [{api: "
       "horizontal_service, target: a}]}]\n",
       "the key 'path' is missing"},
      {"listeners: [{address: 'unix:/x', mounts: [{api: horizontal_service, target: ''}]}]\n",
       "'target' is missing"},
      {"listeners: [{address: 'unix:/x', mounts: [{api: horizontal_service, target: [a]}]}]\n",
       "target: expected a text"},
      {"listeners: [{address: 'unix:/x', mounts: [{target: ''}]}]\n", "the key 'api' is missing"},
      {"listeners: [{address: 'unix:/x', protocol: grpc, mounts: [{api: odd}]}]\n",
       "expected horizontal_service"},
      {"listeners: [{address: '0.0.0.0:1', mounts: [{api: admin, key: '${GONE}'}]}]\n",
       "GONE is not set"},
      {"listeners: [{address: 'unix:/x', proxy_protocol: true, trusted_proxies: 5}]\n",
       "trusted_proxies: expected a list"},
      {"listeners: [{address: 'unix:/x'}]\ncallables: {a: {ensemble: {members: {}, quorum: 2}}}\n",
       "members: expected 1 to 100 entries"},
      {"listeners: [{address: 'unix:/x'}]\ncallables:\n  a: {model: {backend: onnx, path: a}}\n"
       "  b: {ensemble: {members: {a: {target: a}}, quorum: 0}}\n",
       ":5:53: callables.b.ensemble.quorum: expected a whole number from 1 to 100, but '0' came"},
      {"listeners: [{address: 'unix:/x'}]\n"
       "callables: {a: {model: {backend: http_predict, replicas: ['http://a'], connect_timeout: "
       "20s, timeout: x}}}\n",
       "timeout: expected a duration"},
  };
  for (const auto& [text, expected] : cases) {
    const auto [options, problems] = read("version: 1\n" + std::string(text));
    EXPECT_EQ(problems.count(), 1U) << problems.to_string();
    EXPECT_TRUE(problems.to_string().contains(expected)) << problems.to_string();
  }
}

TEST(Options, CompareOnlyAddressesThatAreSome) {
  EXPECT_EQ(read("version: 1\nlisteners: [{address: x}, {address: x}]\n").problems.count(), 2U);
  EXPECT_EQ(problems_of("version: 1\nlisteners: [{address: 'unix:/x'}, {address: 'unix:/x'}]\n"),
            "s.yaml:2:45: listeners[1].address: another listener has this address, unix:/x");
}

TEST(Options, SayWhereAnEnsembleStandsOnItself) {
  EXPECT_EQ(problems_of(std::string(kListeners) + R"(callables:
  a: {ensemble: {members: {x: {target: b}, y: {target: gone}}}}
  b: {ensemble: {members: {x: {target: a}}}}
  c: {ensemble: {members: {me: {target: c}}}}
)"),
            "s.yaml:4:56: callables.a.ensemble.members.y.target: there is no callable 'gone'\n"
            "s.yaml:5:40: callables.b.ensemble.members.x.target: ensemble 'a' contains itself by "
            "way of 'b'\n"
            "s.yaml:6:41: callables.c.ensemble.members.me.target: ensemble 'c' contains itself");
}

TEST(Options, SayWhereATowerOfEnsemblesIsTooHigh) {
  std::string text(kListeners);
  text += "callables:\n  e0: {model: {backend: onnx, path: m.onnx}}\n";
  for (int i = 1; i <= kMaxCallDepth + 2; ++i) {
    text += formatted("  e{}: {{ensemble: {{members: {{m: {{target: e{}}}}}}}}}\n", i, i - 1);
  }
  EXPECT_EQ(problems_of(text),
            "s.yaml:13:41: callables.e9.ensemble.members.m.target: 'e9' stands on 8 ensembles, one "
            "on the other; 7 at most");
}

TEST(Options, AllowEachApiOnceOverGrpc) {
  const std::string_view listener =
      "version: 1\nlisteners:\n  - address: 127.0.0.1:0\n    protocol: grpc\n    mounts:\n";
  const auto problems = [&](std::string_view first, std::string_view second) {
    return problems_of(
        formatted("{}      - {{api: {}}}\n      - {{api: {}}}\n", listener, first, second));
  };
  EXPECT_EQ(problems("open_inference", "tensorflow_serving"), "");
  for (const char* api : {"open_inference", "tensorflow_serving"}) {
    EXPECT_EQ(problems(api, api),
              "s.yaml:7:15: listeners[0].mounts[1].api: over gRPC a listener serves an API once");
  }
  EXPECT_EQ(problems("open_inference", "admin"),
            "s.yaml:7:15: listeners[0].mounts[1].api: over gRPC only open_inference and "
            "tensorflow_serving are served");
}

TEST(Options, KeepWhatCanBeTried) {
  auto [options, problems] = read(R"(version: 1
listeners:
  - address: nowhere
    mounts: [{api: admin}, {api: fantasy}, {api: open_inference, prefix: x}, 5]
callables:
  good: {model: {backend: onnx, path: a.onnx, odd: 1}}
  bad: {model: {backend: onnx, path: a.onnx, latest: x}}
  none: 5
  pair: {ensemble: {members: {a: {target: gone}}, quorum: 2}}
)");
  keep_what_was_read(options, problems);
  ASSERT_EQ(options.listeners.size(), 1U);
  ASSERT_EQ(options.listeners[0].mounts.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<AdminMount>(options.listeners[0].mounts[0].api));
  EXPECT_EQ(options.callables.size(), 2U);
  EXPECT_TRUE(options.callables.contains("good"));
  EXPECT_TRUE(options.callables.contains("pair"));
}

}  // namespace
}  // namespace sluice::app
