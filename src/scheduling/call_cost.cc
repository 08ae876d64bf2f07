#include "scheduling/call_cost.h"

#include <algorithm>

namespace sluice::scheduling {

namespace {

constexpr double kBytesPerToken = 4;   // of English text
constexpr double kAnswerTokens = 256;  // where the caller sets no bound

double expected(const InferRequest&) {
  return 1;
}
double expected(const GenerateRequest& request) {
  double bytes = request.prompt ? static_cast<double>(request.prompt->size()) : 0;
  for (const ChatMessage& message : request.messages) {
    bytes += static_cast<double>(message.content.size());
  }
  const double answer = request.max_tokens ? *request.max_tokens : kAnswerTokens;
  return bytes / kBytesPerToken + answer * std::max<std::uint32_t>(request.choices, 1);
}
double expected(const EmbedRequest& request) {
  double bytes = 0;
  for (const std::string& input : request.inputs) bytes += static_cast<double>(input.size());
  return bytes / kBytesPerToken;
}

double cost(const InferResponse&) {
  return 1;
}
double cost(const GenerateResponse& response) {
  const Usage& usage = response.usage;
  const std::uint32_t computed =
      usage.prompt_tokens - std::min(usage.prompt_tokens, usage.cached_tokens);
  return static_cast<double>(computed) + usage.completion_tokens;
}
double cost(const EmbedResponse& response) {
  return response.prompt_tokens;
}

}  // namespace

double expected_cost(const Request& request) {
  return std::max(1.0, std::visit([](const auto& one) { return expected(one); }, request));
}

double cost_of(const Response& response) {
  return std::max(1.0, std::visit([](const auto& one) { return cost(one); }, response));
}

}  // namespace sluice::scheduling
