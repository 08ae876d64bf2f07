// Options of every kind, for the tests and the fuzz target of config/; no part of the product.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "config/describe.h"

namespace sluice::config::testing {

enum class Tls : std::uint8_t { kOff, kOptional, kRequired };

inline void describe(Choices<Tls>& c) {
  c.choice("off", Tls::kOff, "Plain text.")
      .choice("optional", Tls::kOptional, "Either.")
      .choice("required", Tls::kRequired);
}

struct Listener {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;
  Duration idle = std::chrono::seconds(75);
  std::uint64_t max_body = 10 << 20;
  Tls tls = Tls::kOff;
  std::filesystem::path certificate;
  std::optional<Secret> token;
  std::vector<std::string> proxies;
  OrderedMap<double> weights;
  Node here;
};

inline void describe(Fields<Listener>& f) {
  f.about("listener", "An address on which requests are taken.");
  f.field("address", &Listener::address, "The address to bind.").not_empty();
  f.field("port", &Listener::port, "The TCP port.").at_least(1);
  f.field("idle", &Listener::idle, "How long a connection may rest.")
      .range(std::chrono::seconds(1), std::chrono::hours(1));
  f.bytes("max_body", &Listener::max_body, "The longest body.").at_most(1U << 30);
  f.field("tls", &Listener::tls, "Whether the connection is encrypted.");
  f.field("certificate", &Listener::certificate, "The chain, PEM.");
  f.field("token", &Listener::token, "What a caller must show.").not_empty();
  f.field("proxies", &Listener::proxies, "Whose word is taken.").not_empty().entries(0, 3);
  f.field("weights", &Listener::weights, "Shares.").range(0.0, 1.0).keys(name_grammar());
  f.here(&Listener::here);
}

inline void validate(const Listener& l, Problems& problems, const Node& at) {
  if (problems.were_read(at, {"tls", "certificate"}) && l.tls != Tls::kOff &&
      l.certificate.empty()) {
    problems.add(at.near("tls"), "TLS needs a certificate");
  }
}

struct Onnx {
  std::filesystem::path path;
  int threads = 1;
};
inline void describe(Fields<Onnx>& f) {
  f.field("path", &Onnx::path, "The model's file.").required();
  f.field("threads", &Onnx::threads, "Threads of one run.").range(1, 64);
}

struct Remote {
  std::vector<std::string> urls;
  std::vector<Secret> keys;
};
inline void describe(Fields<Remote>& f) {
  f.field("urls", &Remote::urls, "Where its replicas are.").check([](const std::string& url) {
    return url.starts_with("http") ? std::string() : std::string("an http URL");
  });
  f.field("keys", &Remote::keys, "Their keys.");
}

struct Model {
  std::variant<std::monostate, Onnx, Remote> backend;
  bool warm = true;
};
inline void describe(Fields<Model>& f) {
  f.about("model", "A model.");
  f.kind("backend", &Model::backend, "What runs it.")
      .alternative<Onnx>("onnx", "In this process.")
      .alternative<Remote>("http_predict", "Behind HTTP.");
  f.field("warm", &Model::warm, "Whether it runs once at load.");
}

struct Ensemble {
  std::vector<std::string> members;
};
inline void describe(Fields<Ensemble>& f) {
  f.about("ensemble", "Models side by side.");
  f.field("members", &Ensemble::members, "Who is asked.").required().entries(1, 32);
}

struct Callable {
  std::variant<std::monostate, Model, Ensemble> what;
  std::optional<Duration> timeout;
};
inline void describe(Fields<Callable>& f) {
  f.about("callable", "What answers.");
  f.exactly_one(&Callable::what, "What it is.")
      .alternative<Model>("model", "A model.")
      .alternative<Ensemble>("ensemble", "Models side by side.");
  f.field("timeout", &Callable::timeout, "For all of it.");
}

// Holds itself, and hands on what it does not know.
struct Tree {
  std::int64_t depth = -1;
  std::vector<Tree> branches;
  Node rest;
};
inline void describe(Fields<Tree>& f) {
  f.field("depth", &Tree::depth, "Any number.");
  f.field("branches", &Tree::branches, "More of them.");
  f.rest(&Tree::rest, "for whoever reads them.");
}

struct Root {
  int version = 0;
  double ratio = 0.5;
  std::string level = "info";
  std::vector<Listener> listeners;
  OrderedMap<Callable> callables;
  std::optional<std::vector<std::uint32_t>> sizes;
  std::optional<std::int64_t> cores;
  Tree tree;
  Node saved;
};
inline void describe(Fields<Root>& f) {
  f.about("test", "Options of every kind.");
  f.field("version", &Root::version, "Of the format.").required().range(1, 1);
  f.field("ratio", &Root::ratio, "Any number | at most 1.").at_most(1);
  f.field("level", &Root::level, "What is logged.").one_of({{"info", "All."}, {"error", ""}});
  f.field("listeners", &Root::listeners, "Where requests are taken.");
  f.field("callables", &Root::callables, "What answers.").keys(name_grammar());
  f.bytes("sizes", &Root::sizes, "Sizes of buffers.").at_least(16).entries(1, 4);
  f.field("cores", &Root::cores, "How many to use.").at_least(1).default_is("all");
  f.field("tree", &Root::tree, "A struct that holds itself.");
  f.field("saved", &Root::saved, "Read later.");
}

}  // namespace sluice::config::testing
