// From method and path to a handler. Immutable once it serves; shared by the threads of a listener.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "http/exchange.h"
#include "http/guard.h"

namespace sluice::http {

using Handler = std::function<void(Exchange&)>;

struct Route {
  Method method = Method::kGet;
  // "/v2/models/{model}/infer", "/v1/models/{model}:predict": a parameter is one whole segment, or
  // what stands before a verb.
  std::string pattern;
  Handler handler;
  ExchangeLabels labels;  // must outlive the router
  bool probe = false;     // health and metrics: not in the access log, answered while draining
  // What the caller must be allowed; unset: nothing for a probe, else to be known.
  std::optional<Scope> scope{};
  std::shared_ptr<Guard> guard{};  // given by the router
  // The handler runs when the head is there, and takes the body by Exchange::stream_body(). Only
  // for a pattern without parameters.
  bool streams_body = false;

  [[nodiscard]] Scope needs() const { return scope.value_or(probe ? Scope::kOpen : Scope::kAny); }
};

// A pattern without parameters is found by one hash; others segment by segment: literal ones, then
// parameters with a verb, then parameters. The verb begins at the segment's last colon. GET answers
// HEAD too.
class Router {
 public:
  Router() = default;
  Router(Router&&) = default;
  Router& operator=(Router&&) = default;

  // Fails (kConflict) when method and pattern are taken, or when two patterns match the same paths.
  Result<> add(Route route);
  // Who is asked before the handlers of routes that are added from now on, but for open ones.
  void guard(std::shared_ptr<Guard> guard) { guard_ = std::move(guard); }

  // Errors that are told before a handler sees the request (404, 405, 413, 503, ..) take this form
  // at and below the prefix, as the protocol served there has it.
  void tell_errors(std::string prefix, ErrorForm form);
  [[nodiscard]] ErrorForm error_form(std::string_view path) const;

  struct Match {
    const Route* route = nullptr;  // null: see `allow`
    std::string allow;             // for 405; empty when no route has this path: 404
    std::vector<PathParam> params;
  };
  [[nodiscard]] Match find(Method method, std::string_view path) const;
  // For the hot path: an exact route, or null.
  [[nodiscard]] const Route* find_exact(Method method, std::string_view path) const;
  // Does that path take its body as it comes? Asked for every request with a body: few do.
  [[nodiscard]] bool streams_body(Method method, std::string_view path) const {
    for (const Route* route : streaming_) {
      if (route->method == method && route->pattern == path) return true;
    }
    return false;
  }
  // Every route, in order of adding.
  [[nodiscard]] std::vector<const Route*> routes() const;

 private:
  struct Node {
    std::vector<std::unique_ptr<Route>> routes;  // one a method
    std::unordered_map<std::string, std::unique_ptr<Node>> literals;
    std::unique_ptr<Node> parameter;
    std::string parameter_name;                                       // here and before verbs
    std::map<std::string, std::unique_ptr<Node>, std::less<>> verbs;  // ":predict"
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  // The node below `node` for a segment of the pattern that is a parameter; null when it is called
  // otherwise there.
  static Node* below_parameter(Node& node, std::string_view name, std::string_view verb);
  static const Route* of_method(const Node& node, Method method);
  const Node* descend(const Node& node, std::string_view rest,
                      std::vector<PathParam>& params) const;

  std::unordered_map<std::string, Node*, Hash, std::equal_to<>> exact_;
  std::unique_ptr<Node> root_ = std::make_unique<Node>();
  std::vector<const Route*> all_;
  std::vector<const Route*> streaming_;
  std::vector<std::pair<std::string, ErrorForm>> error_forms_;
  std::shared_ptr<Guard> guard_;
};

}  // namespace sluice::http
