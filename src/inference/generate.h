// Text from a language model: what is asked, what comes while it is made, what came in the end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"

namespace sluice {

// A call of a function that the model asks for, or asked for earlier in the conversation.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text, as the model wrote it
};

// One turn of a conversation.
struct ChatMessage {
  std::string role;  // system, user, assistant, tool
  std::string content;
  std::vector<ToolCall> tool_calls;  // of an assistant
  std::string tool_call_id;          // of a tool: which call this answers
  std::string name;                  // of a tool or a person; may be empty
  std::string reasoning = {};        // of an assistant: what it thought before it answered
};

// A function that the model may ask to have called.
struct ToolDeclaration {
  std::string name;
  std::string description;
  std::string parameters;  // JSON schema
};

enum class ToolChoice : std::uint8_t { kAuto, kNone, kRequired };

// How much a model that can is to think before it answers.
enum class ReasoningEffort : std::uint8_t { kNone, kMinimal, kLow, kMedium, kHigh, kAsItLikes };

// How the next token is chosen. What is not said is the model's or the engine's default.
struct Sampling {
  std::optional<double> temperature;  // 0: always the likeliest
  std::optional<double> top_p;
  std::optional<std::int32_t> top_k;  // 0: all
  std::optional<double> min_p;
  std::optional<double> typical_p;
  std::optional<double> repeat_penalty;
  std::optional<std::int32_t> repeat_last_n;  // tokens looked back on; -1: the whole context
  std::optional<double> presence_penalty;
  std::optional<double> frequency_penalty;
  std::optional<std::int32_t> mirostat;  // 0 off, 1, 2
  std::optional<double> mirostat_tau;
  std::optional<double> mirostat_eta;
  std::optional<std::uint32_t> seed;
  std::vector<std::pair<std::int32_t, double>> logit_bias;  // token id, added to its logit
  bool ignore_end = false;                                  // go on to the last token allowed
};

// What the text must be.
struct Constraint {
  enum class Kind : std::uint8_t { kNone, kJson, kJsonSchema, kGrammar };
  Kind kind = Kind::kNone;
  std::string text;  // the schema, or the grammar in GBNF
};

// The request. One of `messages` and `prompt` is used.
struct GenerateRequest {
  std::vector<ChatMessage> messages;  // go through the model's chat template
  std::optional<std::string> prompt;  // taken as it is
  std::vector<ToolDeclaration> tools;
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::optional<std::uint32_t> max_tokens;  // to generate; none: up to the end of the context
  // More than fits is cut to what the context leaves, instead of refused.
  bool max_tokens_is_a_ceiling = false;
  std::vector<std::string> stop;          // the text ends before any of these
  std::uint32_t choices = 1;              // answers wanted
  std::optional<std::uint32_t> logprobs;  // likeliest alternatives told for each token; 0: itself
  Sampling sampling;
  Constraint constraint;
  std::optional<ReasoningEffort> reasoning;  // none: the model's default
  bool stream = false;                       // parts are wanted as they come
  std::optional<Duration> keep_alive;  // of the model's weights after this; negative: for ever
  // Tokens of context that the caller wants, for engines which size it for a call.
  std::optional<std::uint32_t> context;
};

// Bounds of a request, held by whoever reads one.
inline constexpr std::uint32_t kMaxChoices = 16;
inline constexpr std::size_t kMaxStopTexts = 16;
inline constexpr std::size_t kMaxStopBytes = 1024;
inline constexpr std::uint32_t kMaxLogprobs = 20;

struct TokenLogprob {
  std::string token;  // its bytes, which need not be UTF-8 by themselves
  double logprob = 0;
  std::vector<std::pair<std::string, double>> top;
};

// A piece of an answer, in the order of writing; whole UTF-8 characters.
struct TextPart {
  std::uint32_t choice = 0;
  std::string text;
  std::vector<TokenLogprob> logprobs = {};
  bool reasoning = false;  // the text is what the model thinks before it answers
};

enum class FinishReason : std::uint8_t { kStop, kLength, kToolCalls };

struct Choice {
  std::string text;
  std::string reasoning = {};  // what the model thought before
  std::vector<ToolCall> tool_calls;
  FinishReason finish = FinishReason::kStop;
  std::vector<TokenLogprob> logprobs;
};

struct Usage {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t cached_tokens = 0;  // of the prompt, which were not computed again
  std::uint32_t completion_tokens = 0;
};

// Where an engine's time went, from the moment it was given the call.
struct EngineTimes {
  Duration load{};    // waiting for the weights
  Duration prompt{};  // to the first token
  Duration decode{};  // from the first token to the end
};

struct GenerateResponse {
  std::string model;
  std::vector<Choice> choices;
  Usage usage;
  EngineTimes times;
};

// Texts to vectors.
struct EmbedRequest {
  std::vector<std::string> inputs;  // none: nothing is wanted but that the model is in memory
  bool truncate = false;            // an input longer than the model takes is cut, not refused
  std::optional<Duration> keep_alive;
  std::optional<std::uint32_t> context;  // as of GenerateRequest
};

inline constexpr std::size_t kMaxEmbedInputs = 2048;

struct EmbedResponse {
  std::string model;
  std::vector<std::vector<float>> vectors;  // one an input, of length 1
  std::uint32_t prompt_tokens = 0;
  EngineTimes times;
};

}  // namespace sluice
