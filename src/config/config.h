// Configuration: from YAML text to typed structs, with every fault said at once and in its place.
//
// A folder declares its own options beside the code that uses them. A struct names its fields once;
// from that come the reading, the errors, the JSON Schema, the reference manual and the printing of
// what is in effect:
//
//   // http/options.h
//   enum class Tls { kOff, kOptional, kRequired };
//
//   struct ListenerOptions {
//     std::string address = "127.0.0.1";
//     std::uint16_t port = 8080;
//     Duration idle_timeout = std::chrono::seconds(75);
//     std::uint64_t max_body = 10 << 20;
//     Tls tls = Tls::kOff;
//     std::filesystem::path certificate;                     // relative to the file that says it
//     std::optional<config::Secret> token;                   // never printed
//     std::vector<std::string> trusted_proxies;
//     config::OrderedMap<double> weights;                    // keeps the order of the file
//   };
//   void describe(config::Choices<Tls>& c);
//   void describe(config::Fields<ListenerOptions>& f);
//   void validate(const ListenerOptions& o, config::Problems& p, const config::Node& at);
//
//   // http/options.cc                                       (#include "config/fields.h")
//   void describe(config::Choices<Tls>& c) {
//     c.choice("off", Tls::kOff, "plain text").choice("optional", Tls::kOptional, "either")
//      .choice("required", Tls::kRequired, "TLS only");
//   }
//   void describe(config::Fields<ListenerOptions>& f) {
//     f.about("listener", "An address on which requests are taken.");
//     f.field("address", &ListenerOptions::address, "The address to bind.").not_empty();
//     f.field("port", &ListenerOptions::port, "The TCP port; 0 asks for a free one.");
//     f.field("idle_timeout", &ListenerOptions::idle_timeout,
//             "How long a connection may stay without a request.")
//         .range(std::chrono::seconds(1), std::chrono::hours(1));
//     f.bytes("max_body", &ListenerOptions::max_body, "The longest body taken.").at_most(1U << 30);
//     f.field("tls", &ListenerOptions::tls, "Whether the connection is encrypted.");
//     ...
//   }
//   void validate(const ListenerOptions& o, config::Problems& p, const config::Node& at) {
//     // It is called even where a field did not read, and such a field has its default.
//     if (p.were_read(at, {"tls", "certificate"}) && o.tls != Tls::kOff && o.certificate.empty())
//       p.add(at.near("tls"), "TLS needs a certificate: set certificate and key, or tls: off");
//   }
//
// Headers of options include "config/describe.h", which is light and enough for all of the above;
// only the .cc includes fields.h.
//
// Nested structs, std::optional, std::vector and config::OrderedMap combine freely. One of several
// structs is a std::variant, in either of two forms:
//
//   struct CallableOptions { std::variant<std::monostate, ModelOptions, EnsembleOptions> what; };
//   f.exactly_one(&CallableOptions::what, "What answers.")                // x: {model: {..}}
//       .alternative<ModelOptions>("model", "A model.")
//       .alternative<EnsembleOptions>("ensemble", "Models side by side.");
//
//   struct ModelOptions { std::variant<OnnxOptions, HttpPredictOptions> backend; };
//   f.kind("backend", &ModelOptions::backend, "What runs the model.")     // {backend: onnx, ..}
//       .alternative<OnnxOptions>("onnx", "ONNX Runtime in this process.")
//       .alternative<HttpPredictOptions>("http_predict", "A server with POST /predict.");
//
// A new alternative is one more type of the variant and one more line. A part that must not know
// the structs of others saves a sub-tree in a config::Node member (or all of its mapping by
// `f.rest`), which the owner reads later by read<T>(node, problems) with the same errors.
//
// All of it is called at start or reload, on one thread; nothing is kept between calls.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "config/fields.h"
#include "config/parse.h"
#include "config/schema.h"
#include "config/writer.h"

namespace sluice::config {

// Reads a tree into T's fields over their defaults. To be used only if `problems` stays empty, or
// by what asks `problems` first whether a value was read.
template <Described T>
T read(const Node& node, Problems& problems) {
  T value{};
  type_of<T>()->read(node, problems, &value);
  return value;
}

// The same over what `value` has already: what the tree does not say stays.
template <Described T>
void read_over(T& value, const Node& node, Problems& problems) {
  type_of<T>()->read(node, problems, &value);
}

// What is in effect, defaults included, as YAML; secrets hidden.
template <Described T>
std::string to_yaml(const T& value) {
  YamlWriter writer;
  type_of<T>()->write(&value, writer);
  return std::move(writer).take();
}

// The same as JSON.
template <Described T>
std::string to_json(const T& value) {
  JsonWriter writer(true);
  type_of<T>()->write(&value, writer);
  return std::move(writer).take();
}

// The JSON Schema of T, see schema.h.
template <Described T>
std::string json_schema_of(std::string_view title) {
  return json_schema(*type_of<T>()->as_struct(), title);
}

// The reference of T in Markdown, see schema.h.
template <Described T>
std::string markdown_reference_of(std::string_view title) {
  return markdown_reference(*type_of<T>()->as_struct(), title);
}

}  // namespace sluice::config
