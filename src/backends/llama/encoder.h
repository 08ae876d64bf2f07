// What an embedding engine needs of an encoder model: texts to tokens, tokens to vectors.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/llama/crowd.h"
#include "backends/llama/options.h"
#include "backends/llama/ports.h"
#include "backends/llama/weights.h"

namespace sluice::llama {

// Used by one thread, which first calls bind().
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual void bind() {}

  // The most tokens of one text, and of a batch; the most texts in a batch.
  [[nodiscard]] virtual std::uint32_t length() const = 0;
  [[nodiscard]] virtual std::uint32_t batch_tokens() const = 0;
  [[nodiscard]] virtual std::uint32_t batch_texts() const = 0;

  // With the marks that the model wants at the beginning and the end.
  [[nodiscard]] virtual std::vector<Token> tokenize(const std::string& text) const = 0;
  // Cuts to length(), with the mark at the end kept.
  virtual void truncate(std::vector<Token>& tokens) const = 0;
  // A vector of length 1 for each text of a batch. kCancelled when `stop` became true.
  virtual Result<std::vector<std::vector<float>>> encode(
      std::span<const std::vector<Token>* const> texts, const std::atomic<bool>& stop) = 0;

  // Nothing is to be done for now.
  virtual void rest() {}
};

struct EncoderOptions {
  std::uint32_t batch_tokens = 2048;
  std::uint32_t batch_texts = kBatchTexts;
  std::uint32_t threads = 0;  // 0: one for each usable processor
  ContextRole role = ContextRole::kBoth;
  std::shared_ptr<Crowd> crowd;  // as of ContextOptions
};

Result<std::unique_ptr<Encoder>> open_encoder(std::shared_ptr<const Weights> weights,
                                              const EncoderOptions& options);

}  // namespace sluice::llama
