#include "http/router.h"

#include <algorithm>

#include "base/format.h"

namespace sluice::http {

namespace {
// Takes the first segment off "/a/b": gives "a" and leaves "/b".
std::string_view take_segment(std::string_view& rest) {
  rest.remove_prefix(1);
  const auto end = std::min(rest.find('/'), rest.size());
  const auto segment = rest.substr(0, end);
  rest.remove_prefix(end);
  return segment;
}
}  // namespace

Result<> Router::add(Route route) {
  if (!route.pattern.starts_with('/')) {
    return fail(invalid(formatted("the route '{}' must begin with '/'", route.pattern)));
  }
  Node* node = root_.get();
  bool literal = true;
  std::string_view rest = route.pattern;
  while (!rest.empty()) {
    const std::string_view segment = take_segment(rest);
    const auto close = segment.find('}');
    if (segment.starts_with('{') && close != std::string_view::npos) {
      literal = false;
      const auto name = segment.substr(1, close - 1);
      Node* below = below_parameter(*node, name, segment.substr(close + 1));
      if (below == nullptr) {
        return fail(ErrorCode::kConflict,
                    formatted("the route '{}' calls '{{{}}}' what another calls '{{{}}}'",
                              route.pattern, name, node->parameter_name));
      }
      node = below;
    } else {
      auto& next = node->literals[std::string(segment)];
      if (next == nullptr) next = std::make_unique<Node>();
      node = next.get();
    }
  }
  if (std::ranges::any_of(node->routes, [&](const auto& r) { return r->method == route.method; })) {
    return fail(ErrorCode::kConflict,
                formatted("{} {} is there twice", to_string(route.method), route.pattern));
  }
  if (route.needs() != Scope::kOpen) route.guard = guard_;
  if (literal) exact_[route.pattern] = node;
  node->routes.push_back(std::make_unique<Route>(std::move(route)));
  all_.push_back(node->routes.back().get());
  if (literal && all_.back()->streams_body) streaming_.push_back(all_.back());
  return {};
}

Router::Node* Router::below_parameter(Node& node, std::string_view name, std::string_view verb) {
  if (node.parameter_name.empty()) node.parameter_name = name;
  if (node.parameter_name != name) return nullptr;
  auto& below = verb.empty() ? node.parameter : node.verbs[std::string(verb)];
  if (below == nullptr) below = std::make_unique<Node>();
  return below.get();
}

const Route* Router::of_method(const Node& node, Method method) {
  const Route* get = nullptr;
  for (const auto& route : node.routes) {
    if (route->method == method) return route.get();
    if (route->method == Method::kGet) get = route.get();
  }
  return method == Method::kHead ? get : nullptr;
}

const Route* Router::find_exact(Method method, std::string_view path) const {
  const auto found = exact_.find(path);
  return found == exact_.end() ? nullptr : of_method(*found->second, method);
}

const Router::Node* Router::descend(const Node& node, std::string_view rest,
                                    std::vector<PathParam>& params) const {
  if (rest.empty()) return node.routes.empty() ? nullptr : &node;
  const std::string_view segment = take_segment(rest);
  const auto decoded = percent_decode(segment);
  if (!decoded) return nullptr;
  if (const auto literal = node.literals.find(*decoded); literal != node.literals.end()) {
    if (const Node* found = descend(*literal->second, rest, params)) return found;
  }
  // A verb is written as it is: an encoded colon is a part of the parameter.
  if (const auto colon = segment.rfind(':'); colon != std::string_view::npos && colon > 0) {
    const auto verb = node.verbs.find(segment.substr(colon));
    if (verb != node.verbs.end()) {
      params.push_back({node.parameter_name, *percent_decode(segment.substr(0, colon))});
      if (const Node* found = descend(*verb->second, rest, params)) return found;
      params.pop_back();
    }
  }
  if (node.parameter == nullptr || decoded->empty()) return nullptr;
  params.push_back({node.parameter_name, *decoded});
  if (const Node* found = descend(*node.parameter, rest, params)) return found;
  params.pop_back();
  return nullptr;
}

Router::Match Router::find(Method method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const Node* node = descend(*root_, path, match.params);
  if (node == nullptr) return match;
  match.route = of_method(*node, method);
  if (match.route == nullptr) {
    for (const auto& route : node->routes) {
      if (!match.allow.empty()) match.allow += ", ";
      match.allow += to_string(route->method);
      if (route->method == Method::kGet) match.allow += ", HEAD";
    }
    match.allow += ", OPTIONS";
  }
  return match;
}

void Router::tell_errors(std::string prefix, ErrorForm form) {
  error_forms_.emplace_back(std::move(prefix), form);
}

ErrorForm Router::error_form(std::string_view path) const {
  ErrorForm form = respond_problem;
  std::size_t longest = 0;
  for (const auto& [prefix, candidate] : error_forms_) {
    const bool below =
        path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
    if (!below || prefix.size() < longest) continue;
    longest = prefix.size();
    form = candidate;
  }
  return form;
}

std::vector<const Route*> Router::routes() const {
  return all_;
}

}  // namespace sluice::http
