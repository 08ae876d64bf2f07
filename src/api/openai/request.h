// What clients of OpenAI's API ask, read from their JSON.
// https://platform.openai.com/docs/api-reference; fields that engines behind that API add (top_k,
// min_p, grammar, ...) are understood as llama.cpp's server and vLLM have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/generation/fault.h"
#include "inference/callable.h"
#include "inference/generate.h"

namespace sluice::json {
class Reader;
}

namespace sluice::api::openai {

// Of /v1/chat/completions and /v1/completions.
struct GenerateAsked {
  std::string model;  // empty: none is named
  GenerateRequest request;
  std::vector<std::string> prompts;  // of completions: all, the first of which is the request's
  bool include_usage = false;        // of a stream
  bool echo = false;                 // of completions: the prompt is sent back before the text
  std::optional<ServiceClass> priority;
};

// Of /v1/embeddings.
struct EmbedAsked {
  std::string model;
  EmbedRequest request;
  bool base64 = false;  // of little-endian 32-bit floats, else a list of numbers
  std::optional<std::uint32_t> dimensions;
  std::optional<ServiceClass> priority;
};

// `body` must be followed by json::kPadding readable bytes.
generation::Read<GenerateAsked> read_chat(json::Reader& reader, std::string_view body);
generation::Read<GenerateAsked> read_completion(json::Reader& reader, std::string_view body);
generation::Read<EmbedAsked> read_embedding(json::Reader& reader, std::string_view body);

}  // namespace sluice::api::openai
