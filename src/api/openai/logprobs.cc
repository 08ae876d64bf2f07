#include "api/openai/logprobs.h"

#include <string>

#include "api/generation/token_logprobs.h"
#include "base/format.h"
#include "base/utf8.h"

namespace sluice::api::openai {

namespace {

// A token that is part of a character only, as this form has it: "bytes:\\xe2\\x80".
std::string shown(const std::string& token) {
  if (json::is_utf8(token)) return token;
  std::string text = "bytes:";
  for (const char c : token) text += formatted("\\x{:02x}", static_cast<unsigned char>(c));
  return text;
}

}  // namespace

void write_chat_logprobs(json::Writer& writer, const std::vector<TokenLogprob>& tokens) {
  if (tokens.empty()) {
    writer.null();
    return;
  }
  writer.begin_object().key("content");
  generation::write_logprobs(writer, tokens);
  writer.key("refusal").null().end_object();
}

void write_completion_logprobs(json::Writer& writer, const std::vector<TokenLogprob>& tokens,
                               std::size_t& offset) {
  if (tokens.empty()) {
    writer.null();
    return;
  }
  writer.begin_object().key("tokens").begin_array();
  for (const TokenLogprob& token : tokens) writer.value(shown(token.token));
  writer.end_array().key("token_logprobs").begin_array();
  for (const TokenLogprob& token : tokens) writer.value(token.logprob);
  writer.end_array().key("top_logprobs").begin_array();
  for (const TokenLogprob& token : tokens) {
    writer.begin_object();
    for (const auto& [text, logprob] : token.top) writer.field(shown(text), logprob);
    writer.end_object();
  }
  writer.end_array().key("text_offset").begin_array();
  for (const TokenLogprob& token : tokens) {
    writer.value(offset);
    offset += count_characters(token.token);
  }
  writer.end_array().end_object();
}

}  // namespace sluice::api::openai
