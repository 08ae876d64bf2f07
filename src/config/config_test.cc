// Reading typed structs, by tables of what is right and what is wrong.
#include "config/config.h"

#include <gtest/gtest.h>

#include "config/testing_options.h"

namespace sluice::config {
namespace {

using namespace std::chrono_literals;
using testing::Root;

struct Outcome {
  Root root;
  std::string problems;
};

Surroundings some_surroundings() {
  Surroundings out = Surroundings::none();
  out.variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "PORT") return "9000";
    if (name == "KEY") return "hunter2";
    if (name == "TRUE") return "true";
    return std::nullopt;
  };
  return out;
}

Outcome run(std::string_view text) {
  Problems problems;
  const auto node = parse(text, "/etc/sluice/s.yaml", some_surroundings(), problems);
  if (!node) return {{}, problems.to_string()};
  Root root = read<Root>(*node, problems);
  return {std::move(root), problems.to_string()};
}

TEST(Config, ReadsOptionsOfEveryKind) {
  const auto [root, problems] = run(R"(
version: 1
ratio: 0.25
level: error
listeners:
  - port: ${PORT}
    address: 8000
    idle: 2s
    max_body: 8KiB
    tls: required
    certificate: keys/../x.pem
    token: ${KEY}
    proxies: [10.0.0.0/8]
    weights: {b: 1, a: 0.5}
  - {}
  -
callables:
  x: {model: {backend: onnx, path: /m/x.onnx, threads: "${THREADS:-4}"}, timeout: 250ms}
  y:
    ensemble: {members: [x, z]}
  z: {model: {backend: http_predict, urls: ["http://a:1/"], keys: ["k$$"], warm: false}}
sizes: [16, 1KiB]
cores: 3
tree:
  depth: -9223372036854775808
  extra: {a: 1}
  branches: [{depth: 2}, {branches: [{}], more: 2}]
saved: [1, {a: b}]
)");
  ASSERT_EQ(problems, "");
  EXPECT_EQ(root.version, 1);
  EXPECT_EQ(root.ratio, 0.25);
  EXPECT_EQ(root.level, "error");
  ASSERT_EQ(root.listeners.size(), 3U);
  const testing::Listener& first = root.listeners[0];
  EXPECT_EQ(first.port, 9000);
  EXPECT_EQ(first.address, "8000");
  EXPECT_EQ(first.idle, 2s);
  EXPECT_EQ(first.max_body, 8192U);
  EXPECT_EQ(first.tls, testing::Tls::kRequired);
  EXPECT_EQ(first.certificate, "/etc/sluice/x.pem");
  EXPECT_EQ(first.token->reveal(), "hunter2");
  EXPECT_EQ(first.proxies, std::vector<std::string>{"10.0.0.0/8"});
  ASSERT_EQ(first.weights.size(), 2U);
  EXPECT_EQ(first.weights.begin()->first, "b");
  EXPECT_EQ(*first.weights.find("a"), 0.5);
  EXPECT_EQ(first.here.path(), "listeners[0]");
  EXPECT_EQ(root.listeners[1].port, 8080);
  EXPECT_FALSE(root.listeners[2].token);

  const auto& x = std::get<testing::Model>(root.callables.find("x")->what);
  EXPECT_EQ(std::get<testing::Onnx>(x.backend).path, "/m/x.onnx");
  EXPECT_EQ(std::get<testing::Onnx>(x.backend).threads, 4);
  EXPECT_TRUE(x.warm);
  EXPECT_EQ(root.callables.find("x")->timeout, 250ms);
  const auto& y = std::get<testing::Ensemble>(root.callables.find("y")->what);
  EXPECT_EQ(y.members, (std::vector<std::string>{"x", "z"}));
  const auto& z = std::get<testing::Model>(root.callables.find("z")->what);
  EXPECT_EQ(std::get<testing::Remote>(z.backend).keys[0].reveal(), "k$");
  EXPECT_FALSE(z.warm);

  EXPECT_EQ(*root.sizes, (std::vector<std::uint32_t>{16, 1024}));
  EXPECT_EQ(root.cores, 3);
  EXPECT_EQ(root.tree.depth, INT64_MIN);
  EXPECT_EQ(root.tree.rest.find("extra")->find("a")->text(), "1");
  ASSERT_EQ(root.tree.branches.size(), 2U);
  EXPECT_EQ(root.tree.branches[1].branches.size(), 1U);
  EXPECT_EQ(root.saved.at(1).find("a")->location().line, 28U);
}

TEST(Config, KeepsDefaultsWhereTheFileIsSilent) {
  const auto [root, problems] = run("version: 1\nlisteners:\ncallables: ~\ntree:\nsizes:\n");
  EXPECT_EQ(problems, "");
  EXPECT_EQ(root.ratio, 0.5);
  EXPECT_TRUE(root.listeners.empty());
  EXPECT_FALSE(root.sizes);
  EXPECT_EQ(root.tree.depth, -1);
  EXPECT_TRUE(root.saved.is_null());
}

// One fault each. The text is put behind `version: 1`, whose line is the first.
TEST(Config, SaysWhereAndWhatIsWrongAndWhatWouldBeRight) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"ratio: x", "s.yaml:2:8: ratio: expected a number, but 'x' came"},
      {"ratio: 1.5", "s.yaml:2:8: ratio: expected a number of at most 1, but '1.5' came"},
      {"ratio: nan", "s.yaml:2:8: ratio: expected a number, but 'nan' came"},
      {"ratio: .inf", "s.yaml:2:8: ratio: expected a number, but '.inf' came"},
      {"ratio: \"0.5\"", "s.yaml:2:8: ratio: expected a number, but the text \"0.5\" came"},
      {"ratio:", "s.yaml:2:1: ratio: expected a number, but nothing came"},
      {"ratio: [1]", "s.yaml:2:8: ratio: expected a number, but a list came"},
      {"ratio: {}", "s.yaml:2:8: ratio: expected a number, but a mapping came"},
      {"level: warn", "s.yaml:2:8: level: expected info or error, but 'warn' came"},
      {"level: inf", "s.yaml:2:8: level: expected info or error (probably info), but 'inf' came"},
      {"level: [a]", "s.yaml:2:8: level: expected a text, but a list came"},
      {"level: \"a\\0\"", "s.yaml:2:8: level: expected a text without zero bytes"},
      {"rato: 1", "s.yaml:2:1: rato: this key is not known; probably ratio is meant"},
      {"zzz: 1",
       "s.yaml:2:1: zzz: this key is not known; known here: version, ratio, level, listeners, "
       "callables, sizes, cores, tree, saved"},
      {"cores: 0", "s.yaml:2:8: cores: expected a whole number of at least 1, but '0' came"},
      {"cores: 1.0", "s.yaml:2:8: cores: expected a whole number of at least 1, but '1.0' came"},
      {"cores: 9223372036854775808",
       "s.yaml:2:8: cores: expected a whole number of at least 1, but '9223372036854775808' came"},
      {"cores: 0x10", "s.yaml:2:8: cores: expected a whole number of at least 1, but '0x10' came"},
      {"cores: ${KEY}",
       "s.yaml:2:8: cores: expected a whole number of at least 1, but the value of '${KEY}' came"},
      {"level: ${KEY}",
       "s.yaml:2:8: level: expected info or error, but the value of '${KEY}' came"},
      {"cores: ${NOT}",
       "s.yaml:2:8: the environment variable NOT is not set; set it or write ${NOT:-default}"},
      {"listeners: {}", "s.yaml:2:12: listeners: expected a list, but a mapping came"},
      {"listeners: [1]",
       "s.yaml:2:13: listeners[0]: expected a mapping for listener, but '1' came"},
      {"listeners: [{port: 65536}]",
       "s.yaml:2:20: listeners[0].port: expected a whole number from 1 to 65535, but '65536' came"},
      {"listeners: [{port: -1}]",
       "s.yaml:2:20: listeners[0].port: expected a whole number from 1 to 65535, but '-1' came"},
      {"listeners: [{idle: 5}]",
       "s.yaml:2:20: listeners[0].idle: expected a duration such as 250ms, 1s, 5m or 24h, but '5' "
       "came"},
      {"listeners: [{idle: 2h}]",
       "s.yaml:2:20: listeners[0].idle: expected a duration from 1s to 1h, but '2h' came"},
      {"listeners: [{max_body: 2GiB}]",
       "s.yaml:2:24: listeners[0].max_body: expected a number of bytes of at most 1GiB, but '2GiB' "
       "came"},
      {"listeners: [{max_body: 8KB}]",
       "s.yaml:2:24: listeners[0].max_body: expected a number of bytes such as 4096, 8KiB, 10MiB "
       "or "
       "1GiB, but '8KB' came"},
      {"listeners: [{tls: on}]",
       "s.yaml:2:19: listeners[0].tls: expected off, optional or required, but 'on' came"},
      {"listeners: [{tls: {}}]",
       "s.yaml:2:19: listeners[0].tls: expected off, optional or required, but a mapping came"},
      {"listeners: [{tls: required}]", "s.yaml:2:19: listeners[0].tls: TLS needs a certificate"},
      {"listeners: [{address: ''}]",
       "s.yaml:2:23: listeners[0].address: expected a text that is not empty"},
      {"listeners: [{proxies: x}]",
       "s.yaml:2:23: listeners[0].proxies: expected a list, but 'x' came"},
      {"listeners: [{proxies: [a, '']}]",
       "s.yaml:2:27: listeners[0].proxies[1]: expected a text that is not empty"},
      {"listeners: [{proxies: [a, b, c, d]}]",
       "s.yaml:2:23: listeners[0].proxies: expected at most 3 entries, but 4 came"},
      {"listeners: [{weights: {a: 2}}]",
       "s.yaml:2:27: listeners[0].weights.a: expected a number from 0 to 1, but '2' came"},
      {"listeners: [{weights: {a b: 1}}]",
       "s.yaml:2:24: listeners[0].weights.a b: this name is not allowed; a name is 1 to 64 "
       "letters, "
       "digits, '_', '-' or '.', a letter or digit first"},
      {"listeners: [{weights: [1]}]",
       "s.yaml:2:23: listeners[0].weights: expected a mapping of names to values, but a list came"},
      {"listeners: [{token: {a: b}}]",
       "s.yaml:2:21: listeners[0].token: expected a text, but a mapping came"},
      {"callables: {x: {}}",
       "s.yaml:2:16: callables.x: expected model or ensemble here: What it is."},
      {"callables: {x: {ensemble: {members: [a]}, model: {backend: http_predict}}}",
       "s.yaml:2:43: callables.x.model: ensemble and model exclude each other; keep one"},
      {"callables: {x: {model: {}}}",
       "s.yaml:2:24: callables.x.model: the key 'backend' is missing (onnx or http_predict): What "
       "runs it."},
      {"callables: {x: {model: {backend: onxx}}}",
       "s.yaml:2:34: callables.x.model.backend: expected onnx or http_predict (probably onnx), but "
       "'onxx' came"},
      {"callables: {x: {model: {backend: onnx, path: a, urls: []}}}",
       "s.yaml:2:49: callables.x.model.urls: this key is not known; known here: warm, backend, "
       "path, "
       "threads"},
      {"callables: {x: {model: {backend: onnx}}}",
       "s.yaml:2:24: callables.x.model: the key 'path' is missing: The model's file."},
      {"callables: {x: {model: {backend: http_predict, urls: [ftp]}}}",
       "s.yaml:2:55: callables.x.model.urls[0]: expected an http URL, but 'ftp' came"},
      {"callables: {x: {ensemble: {members: []}}}",
       "s.yaml:2:37: callables.x.ensemble.members: expected 1 to 32 entries, but 0 came"},
      {"sizes: [1]",
       "s.yaml:2:9: sizes[0]: expected a number of bytes from 16B to 4294967295B, but '1' came"},
      {"sizes: []", "s.yaml:2:8: sizes: expected 1 to 4 entries, but 0 came"},
      {"tree: {branches: [{depth: x}]}",
       "s.yaml:2:27: tree.branches[0].depth: expected a whole number of 64 bits, but 'x' came"},
  };
  for (const auto& [text, expected] : cases) {
    const auto [root, problems] = run("version: 1\n" + std::string(text) + "\n");
    EXPECT_EQ(problems, "/etc/sluice/" + std::string(expected)) << text;
  }
}

TEST(Config, SaysThatTheWholeIsNoMapping) {
  EXPECT_EQ(run("[1]").problems,
            "/etc/sluice/s.yaml:1:1: expected a mapping for test, but a list came");
  EXPECT_EQ(run("").problems,
            "/etc/sluice/s.yaml:1:1: the key 'version' is missing: Of the format.");
}

TEST(Config, CollectsAllFaultsOfAllSections) {
  const auto [root, problems] = run(R"(
versoin: 1
ratio: 2
level: ${GONE}
listeners:
  - {port: x, prot: 1, tls: required}
callables:
  x: {model: {backend: onnx, threads: 0}}
  y: {modle: {}}
)");
  EXPECT_EQ(problems,
            "/etc/sluice/s.yaml:2:1: the key 'version' is missing: Of the format.\n"
            "/etc/sluice/s.yaml:2:1: versoin: this key is not known; probably version is meant\n"
            "/etc/sluice/s.yaml:3:8: ratio: expected a number of at most 1, but '2' came\n"
            "/etc/sluice/s.yaml:4:8: the environment variable GONE is not set; set it or write "
            "${GONE:-default}\n"
            "/etc/sluice/s.yaml:6:12: listeners[0].port: expected a whole number from 1 to 65535, "
            "but 'x' came\n"
            "/etc/sluice/s.yaml:6:15: listeners[0].prot: this key is not known; probably port is "
            "meant\n"
            "/etc/sluice/s.yaml:6:29: listeners[0].tls: TLS needs a certificate\n"
            "/etc/sluice/s.yaml:8:14: callables.x.model: the key 'path' is missing: The model's "
            "file.\n"
            "/etc/sluice/s.yaml:8:39: callables.x.model.threads: expected a whole number from 1 to "
            "64, but '0' came\n"
            "/etc/sluice/s.yaml:9:6: callables.y: expected model or ensemble here: What it is.\n"
            "/etc/sluice/s.yaml:9:7: callables.y.modle: this key is not known; probably model is "
            "meant");
}

TEST(Config, NeverPrintsASecret) {
  const auto [root, problems] = run(R"(
version: 1
listeners: [{token: "${KEY}"}]
callables: {z: {model: {backend: http_predict, keys: [hunter2, ""]}}}
tree: {password: hunter2}
saved: {password: hunter2, list: [hunter2, ~]}
)");
  ASSERT_EQ(problems, "");
  for (const std::string& text : {to_yaml(root), to_json(root)}) {
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    EXPECT_NE(text.find(kHidden), std::string::npos);
  }
  EXPECT_NE(to_yaml(root).find("token: <hidden>"), std::string::npos);
}

TEST(Config, PrintsWhatIsInEffectSoThatItReadsBack) {
  const auto [root, problems] = run(R"(
version: 1
listeners:
  - {address: "a: b # c", certificate: "odd $$ 'name\".pem", tls: off, weights: {"1": 1, no: 0.1}}
  - {proxies: ["::1", "", "${PORT}"], max_body: 0, idle: 90s}
callables:
  x: {model: {backend: onnx, path: x.onnx}, timeout: 1.5s}
  y: {ensemble: {members: [x, "true", "1", "\n\t\u0001é"]}}
  z: {model: {backend: http_predict}}
sizes: [20, 1MiB]
tree: {branches: [{branches: [{}, {}]}, {}]}
)");
  ASSERT_EQ(problems,
            "/etc/sluice/s.yaml:5:23: listeners[1].proxies[1]: expected a text that is "
            "not empty");
  const std::string text = to_yaml(root);
  const auto [again, more] = run(text);
  EXPECT_EQ(to_yaml(again), text) << more;
  EXPECT_EQ(again.listeners[0].address, "a: b # c");
  EXPECT_EQ(again.listeners[0].certificate, "/etc/sluice/odd $ 'name\".pem");
  EXPECT_EQ(std::get<testing::Ensemble>(again.callables.find("y")->what).members[3], "\n\t\x01é");
}

TEST(Config, PrintsDefaultsToo) {
  EXPECT_EQ(to_yaml(Root{.version = 1, .listeners = {{}}}),
            R"(version: 1
ratio: 0.5
level: info
listeners:
  - address: "127.0.0.1"
    port: 8080
    idle: 75s
    max_body: 10MiB
    tls: "off"
    certificate: ""
    proxies: []
    weights: {}
callables: {}
tree:
  depth: -1
  branches: []
)");
}

TEST(Config, ASavedNodeIsReadLaterWithTheSameErrors) {
  const auto [root, problems] = run("version: 1\nsaved:\n  members: [a]\n  mebmers: 1\n");
  ASSERT_EQ(problems, "");
  Problems later;
  const auto ensemble = read<testing::Ensemble>(root.saved, later);
  EXPECT_EQ(ensemble.members, std::vector<std::string>{"a"});
  EXPECT_EQ(later.to_string(),
            "/etc/sluice/s.yaml:4:3: saved.mebmers: this key is not known; probably members is "
            "meant");
}

TEST(OrderedMap, KeepsItsOrderAndItsNames) {
  OrderedMap<int> map{{"b", 1}, {"a", 2}};
  map.insert_or_get("c") = 3;
  map.insert_or_get("b") = 4;
  EXPECT_EQ(map, (OrderedMap<int>{{"b", 4}, {"a", 2}, {"c", 3}}));
  EXPECT_TRUE(map.contains("a"));
  EXPECT_FALSE(map.contains("d"));
  EXPECT_EQ(std::as_const(map).find("d"), nullptr);
}

struct Twice {
  int a = 0;
};
void describe(Fields<Twice>& f) {
  f.field("a", &Twice::a, "One.");
  f.field("a", &Twice::a, "Two.");
}

TEST(Description, RefusesTwoFieldsOfOneName) {
  EXPECT_THROW(to_yaml(Twice{}), std::logic_error);
}

struct Defaulted {
  std::variant<testing::Remote, testing::Onnx> backend;
  std::variant<testing::Ensemble, testing::Onnx> what;
};
void describe(Fields<Defaulted>& f) {
  f.kind("backend", &Defaulted::backend, "What runs it.")
      .alternative<testing::Remote>("remote", "Far.")
      .alternative<testing::Onnx>("onnx", "Near.");
  f.exactly_one(&Defaulted::what, "What it is.")
      .alternative<testing::Ensemble>("ensemble", "Many.")
      .alternative<testing::Onnx>("single", "One.");
}

TEST(Union, TakesItsDefaultWhereNothingIsSaid) {
  Problems problems;
  const auto node = parse("urls: [http://x]\n", "s.yaml", Surroundings::none(), problems);
  const auto value = read<Defaulted>(*node, problems);
  EXPECT_EQ(problems.to_string(), "");
  EXPECT_EQ(std::get<testing::Remote>(value.backend).urls.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<testing::Ensemble>(value.what));
  const std::string schema = json_schema_of<Defaulted>("d");
  EXPECT_NE(schema.find(R"("default": "remote")"), std::string::npos) << schema;
}

}  // namespace
}  // namespace sluice::config
