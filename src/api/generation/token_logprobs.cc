#include "api/generation/token_logprobs.h"

#include <string_view>

namespace sluice::api::generation {

namespace {
// Leaves its object open.
void write_token(json::Writer& writer, std::string_view token, double logprob) {
  writer.begin_object().field("token", token).field("logprob", logprob);
  writer.key("bytes").begin_array();
  for (const char c : token) writer.value(static_cast<unsigned>(static_cast<unsigned char>(c)));
  writer.end_array();
}
}  // namespace

void write_logprobs(json::Writer& writer, const std::vector<TokenLogprob>& tokens) {
  writer.begin_array();
  for (const TokenLogprob& token : tokens) {
    write_token(writer, token.token, token.logprob);
    writer.key("top_logprobs").begin_array();
    for (const auto& [text, logprob] : token.top) {
      write_token(writer, text, logprob);
      writer.end_object();
    }
    writer.end_array().end_object();
  }
  writer.end_array();
}

}  // namespace sluice::api::generation
