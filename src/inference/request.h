// What is asked of a callable, and what it answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "inference/generate.h"
#include "inference/tensor.h"

namespace sluice {

using Parameter = std::variant<bool, std::int64_t, double, std::string>;
using Parameters = std::map<std::string, Parameter, std::less<>>;

// Tensors in, tensors out. At most one input has a given name.
struct InferRequest {
  std::string version;  // of the model; empty: the latest that is ready
  std::vector<Tensor> inputs;
  std::vector<std::string> outputs;  // wanted by name; empty: all
  Parameters parameters;

  [[nodiscard]] const Tensor* input(std::string_view name) const {
    for (const Tensor& tensor : inputs) {
      if (tensor.name == name) return &tensor;
    }
    return nullptr;
  }
  [[nodiscard]] bool wants(std::string_view output) const {
    return outputs.empty() || std::ranges::find(outputs, output) != outputs.end();
  }
};

// The kinds of request, in the order of RequestKind.
using Request = std::variant<InferRequest, GenerateRequest, EmbedRequest>;
enum class RequestKind : std::uint8_t { kInfer, kGenerate, kEmbed };
std::string_view to_string(RequestKind kind);  // "tensors", "prompts", "texts to embed"
inline RequestKind kind_of(const Request& request) {
  return static_cast<RequestKind>(request.index());
}

// Shared, because what runs elsewhere may still read it after the caller has been answered.
using RequestPtr = std::shared_ptr<const Request>;

inline RequestPtr make_request(Request request) {
  return std::make_shared<const Request>(std::move(request));
}

// A part of an ensemble that gave no answer, and why.
struct MemberError {
  std::string member;
  Error error;
};

struct InferResponse {
  std::string model;
  std::string version;
  std::vector<Tensor> outputs;
  Parameters parameters;
  std::vector<MemberError> errors;  // of an ensemble that answered without these

  [[nodiscard]] const Tensor* output(std::string_view name) const {
    for (const Tensor& tensor : outputs) {
      if (tensor.name == name) return &tensor;
    }
    return nullptr;
  }
};

// The answer to a request is of the same kind.
using Response = std::variant<InferResponse, GenerateResponse, EmbedResponse>;
// What comes before the answer, of calls that stream.
using Part = TextPart;

}  // namespace sluice
