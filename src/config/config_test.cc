#include "config/config.h"

#include <gtest/gtest.h>

namespace demo {
using sluice::Duration;
namespace config = sluice::config;

enum class Tls { kOff, kRequired };
struct Listener {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;
  Duration idle = std::chrono::seconds(75);
  std::uint64_t max_body = 10 << 20;
  Tls tls = Tls::kOff;
  std::filesystem::path certificate;
  std::optional<config::Secret> token;
  std::vector<std::string> proxies;
  config::OrderedMap<double> weights;
};
void describe(config::Choices<Tls>& c) {
  c.choice("off", Tls::kOff, "plain text").choice("required", Tls::kRequired, "TLS only");
}
void describe(config::Fields<Listener>& f) {
  f.about("listener", "An address on which requests are taken.");
  f.field("address", &Listener::address, "The address to bind.").not_empty();
  f.field("port", &Listener::port, "The TCP port.").at_least(1);
  f.field("idle", &Listener::idle, "How long.")
      .range(std::chrono::seconds(1), std::chrono::hours(1));
  f.bytes("max_body", &Listener::max_body, "The longest body.").at_most(1 << 30);
  f.field("tls", &Listener::tls, "Whether.");
  f.field("certificate", &Listener::certificate, "File.");
  f.field("token", &Listener::token, "Key.");
  f.field("proxies", &Listener::proxies, "Who is believed.").not_empty().entries(0, 3);
  f.field("weights", &Listener::weights, "Shares.").range(0.0, 1.0).keys(config::name_grammar());
}
void validate(const Listener& l, config::Problems& p, const config::Node& at) {
  if (l.tls != Tls::kOff && l.certificate.empty()) p.add(at.near("tls"), "TLS needs a certificate");
}
struct Onnx {
  std::filesystem::path path;
  int threads = 1;
};
void describe(config::Fields<Onnx>& f) {
  f.field("path", &Onnx::path, "The file.").required();
  f.field("threads", &Onnx::threads, "Threads.").range(1, 64);
}
struct Http {
  std::vector<std::string> urls;
};
void describe(config::Fields<Http>& f) {
  f.field("urls", &Http::urls, "Where.");
}
struct Model {
  std::variant<std::monostate, Onnx, Http> backend;
  bool warm = true;
};
void describe(config::Fields<Model>& f) {
  f.about("model", "A model.");
  f.kind("backend", &Model::backend, "What runs it.")
      .alternative<Onnx>("onnx", "In process.")
      .alternative<Http>("http_predict", "Behind HTTP.");
  f.field("warm", &Model::warm, "Warm up.");
}
struct Ensemble {
  std::vector<std::string> members;
};
void describe(config::Fields<Ensemble>& f) {
  f.about("ensemble", "Several.");
  f.field("members", &Ensemble::members, "Who.").required().entries(1, 32);
}
struct Callable {
  std::variant<std::monostate, Model, Ensemble> what;
};
void describe(config::Fields<Callable>& f) {
  f.about("callable", "What answers.");
  f.exactly_one(&Callable::what, "What it is.")
      .alternative<Model>("model", "A model.")
      .alternative<Ensemble>("ensemble", "Models side by side.");
}
struct Root {
  int version = 1;
  std::vector<Listener> listeners;
  config::OrderedMap<Callable> callables;
};
void describe(config::Fields<Root>& f) {
  f.about("configuration", "All.");
  f.field("version", &Root::version, "Of the format.").required().range(1, 1);
  f.field("listeners", &Root::listeners, "Where.");
  f.field("callables", &Root::callables, "What.").keys(config::name_grammar());
}
}  // namespace demo

TEST(Config, ReadsWhatIsRightAndSaysAllThatIsWrong) {
  using namespace sluice::config;
  Problems problems;
  const auto node = parse(R"(
version: 1
listeners:
- port: ${PORT:-9000}
  idle: 2s
  token: abc
  weights: {a: 0.5, b: 1}
- {address: "::1", tls: required, certificate: x.pem}
callables:
  x: {model: {backend: onnx, path: m/x.onnx}}
  y: {ensemble: {members: [x, x]}}
  z:
    model: {backend: http_predict, urls: ["http://a:1$$/"]}
)",
                          "/etc/sluice/s.yaml", Surroundings::none(), problems);
  ASSERT_TRUE(node) << problems.to_string();
  const auto root = read<demo::Root>(*node, problems);
  EXPECT_EQ(problems.to_string(), "");
  ASSERT_EQ(root.listeners.size(), 2U);
  EXPECT_EQ(root.listeners[0].port, 9000);
  EXPECT_EQ(root.listeners[0].idle, std::chrono::seconds(2));
  EXPECT_EQ(root.listeners[1].certificate, "/etc/sluice/x.pem");
  ASSERT_NE(root.callables.find("x"), nullptr);
  Problems p2;
  const auto bad = parse(R"(
versoin: 1
listeners:
- port: 90000
  idle: 2
  tls: requird
  tls: off
  weights: {a: 1.5, "b c": x}
- {address: "", tls: required}
- port: ${PORT}
  max_body: 8KB
callables:
  x: {model: {backend: onnx, threads: 0, urls: 1}}
  y: {ensemble: {members: []}, model: {backend: tf}}
  z: {}
)",
                         "s.yaml", Surroundings::none(), p2);
  ASSERT_TRUE(bad) << p2.to_string();
  read<demo::Root>(*bad, p2);
  EXPECT_EQ(p2.count(), 18U) << p2.to_string();
}
