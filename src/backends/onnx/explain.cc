#include "backends/onnx/explain.h"

#include <algorithm>
#include <optional>

#include "base/format.h"

namespace sluice::onnx {

namespace {

// What stands between the two, or up to the end where `after` never comes.
std::optional<std::string_view> between(std::string_view text, std::string_view before,
                                        std::string_view after) {
  const std::size_t start = text.find(before);
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start + before.size());
  return text.substr(0, text.find(after));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// "/onnxruntime_src/.../model.cc:166 onnxruntime::Model::Model(...) Reason" -> "Reason".
std::string_view without_source(std::string_view text) {
  const std::size_t source = text.find("/onnxruntime");
  if (source == std::string_view::npos) return text;
  const std::size_t end = text.rfind(") ");
  if (end == std::string_view::npos || end < source) return text;
  return text.substr(end + 2);
}

}  // namespace

std::string explain(std::string_view message) {
  if (message.contains("Protobuf parsing failed"))
    return "it is not an ONNX model, or is cut short";
  if (message.contains("ModelProto does not have a graph")) {
    return "it is not an ONNX model: it has no graph";
  }
  if (const auto op = between(message, "No Op registered for ", " with domain_version")) {
    return formatted("it asks for the operator '{}', which ONNX Runtime does not know", *op);
  }
  if (const auto op = between(message, "No opset import for domain '", "'")) {
    return formatted("it asks for operators of the domain '{}', which it does not import", *op);
  }
  if (const auto op = between(message, "is not a registered function/op", "")) {
    if (const auto name = between(message, "Fatal error: ", "(")) {
      return formatted("it asks for the operator '{}', which ONNX Runtime does not know", *name);
    }
  }
  if (const auto op = between(message, "Could not find an implementation for ", " node")) {
    return formatted("ONNX Runtime cannot run its operator '{}' here", *op);
  }
  if (const auto type = between(message, "MLDataType for: ", " is not currently")) {
    return formatted("it uses the type {}, which is not served", *type);
  }
  if (const auto version = between(message, "ONNX Runtime only *guarantees* support", "")) {
    return "it was made for a newer version of ONNX than this one reads";
  }
  if (const auto why = between(message, "Status Message: ", "\n")) {
    const auto op = between(message, "while running ", " node");
    return formatted("its operator '{}' failed: {}", op.value_or("?"),
                     trimmed(without_source(*why)));
  }
  std::string_view rest = without_source(message);
  if (const std::size_t failed = rest.find(" failed:");
      failed != std::string_view::npos && rest.starts_with("Load model from ")) {
    rest.remove_prefix(failed + 8);
  }
  rest = trimmed(without_source(rest));
  std::string text(rest);
  std::ranges::replace(text, '\n', ' ');
  return text;
}

}  // namespace sluice::onnx
