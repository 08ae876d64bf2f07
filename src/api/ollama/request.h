// What clients of Ollama's API ask, read from their JSON. https://docs.ollama.com/api
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/generation/fault.h"
#include "inference/callable.h"
#include "inference/generate.h"

namespace sluice::json {
class Reader;
}

namespace sluice::api::ollama {

// Of /api/generate and /api/chat.
struct GenerateAsked {
  std::string model;
  GenerateRequest request;
  // Nothing is asked but to load the model (or, with keep_alive 0, to drop it): a blank to read,
  // and no token to make.
  bool load = false;
  bool says_stream = false;  // it asks for a stream in so many words, so somebody reads along
  std::optional<ServiceClass> priority;
};

// Of /api/embed and /api/embeddings.
struct EmbedAsked {
  std::string model;
  EmbedRequest request;
  std::optional<std::uint32_t> dimensions;
  std::optional<ServiceClass> priority;
};

// `body` must be followed by json::kPadding readable bytes. Options that are not there are none.
generation::Read<GenerateAsked> read_generate(json::Reader& reader, std::string_view body);
generation::Read<GenerateAsked> read_chat(json::Reader& reader, std::string_view body);
generation::Read<EmbedAsked> read_embed(json::Reader& reader, std::string_view body);
// Of /api/embeddings: `prompt` in place of `input`.
generation::Read<EmbedAsked> read_embeddings(json::Reader& reader, std::string_view body);
// Of /api/pull.
struct PullAsked {
  std::string model;
  bool stream = true;
};
generation::Read<PullAsked> read_pull(json::Reader& reader, std::string_view body);
// Of /api/show: which model.
generation::Read<std::string> read_show(json::Reader& reader, std::string_view body);

// What a request does not say, as Ollama has it.
void add_defaults(Sampling& sampling);

// As Go writes durations: "5m", "1h30m", "1.5s", "-1s", "0"; none for anything else.
std::optional<Duration> parse_duration(std::string_view text);

}  // namespace sluice::api::ollama
