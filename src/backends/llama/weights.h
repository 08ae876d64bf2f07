// A model file in memory, as llama.cpp reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

struct llama_model;

namespace sluice::llama {

// What a file says of itself.
struct ModelFacts {
  std::string description;    // "llama 135M Q4_1"
  std::string architecture;   // "llama"
  std::string quantization;   // "Q4_1"
  std::string chat_template;  // empty: none
  std::uint64_t bytes = 0;    // of the weights
  std::int64_t modified = 0;  // the file: seconds since 1970
  std::uint64_t parameters = 0;
  std::uint32_t trained_context = 0;  // tokens
  std::uint32_t embedding = 0;        // length of a vector
  std::uint64_t context_bytes_a_token = 0;
  bool encodes = false;  // it makes vectors of texts, and writes none

  bool operator==(const ModelFacts&) const = default;
};

// What a context keeps of a token, as the file describes its attention.
struct AttentionFacts {
  std::uint64_t layers = 0;
  std::uint64_t embedding = 0;
  std::uint64_t heads = 0;
  std::uint64_t kept_heads = 0;  // of keys and values
  // Of one head; 0: the file does not say, and heads divide the embedding among them.
  std::uint64_t key_length = 0;
  std::uint64_t value_length = 0;
};
std::uint64_t context_bytes_a_token(const AttentionFacts& attention);

// What is read of a file: all of it, or what it says of itself.
enum class WeightsPart : std::uint8_t { kAll, kFacts };

// Shared by all contexts over it; immutable. The name of the library's type stops here and in
// llama_context.cc and llama_text.cc.
class Weights {
 public:
  // Blocks while it reads. The error names the file and says why: missing, not GGUF, cut short, an
  // architecture that is not known. `gpu_layers` below 0: all.
  static Result<std::shared_ptr<const Weights>> load(const std::string& path, int gpu_layers,
                                                     WeightsPart part = WeightsPart::kAll);
  ~Weights();
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  [[nodiscard]] const ModelFacts& facts() const { return facts_; }
  [[nodiscard]] llama_model* get() const { return model_; }

 private:
  explicit Weights(llama_model* model);
  llama_model* const model_;
  ModelFacts facts_;
};

}  // namespace sluice::llama
