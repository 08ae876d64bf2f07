// What an engine needs of a model: a context that computes, and what turns requests into tokens and
// tokens into text. llama.cpp stands behind it (llama_context.h, llama_text.h); tests have their
// own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/llama/answer_text.h"
#include "base/result.h"
#include "inference/request.h"

namespace sluice::llama {

using Token = std::int32_t;

// A piece of a step: tokens of one sequence at consecutive positions.
struct StepPart {
  std::uint32_t sequence = 0;  // below Context::sequences()
  std::uint32_t position = 0;  // of the first token
  std::span<const Token> tokens;
  bool wants_next = false;  // what follows the last one is to be sampled
};

// Chooses tokens for one answer, and knows its history and its grammar.
class Sampler {
 public:
  virtual ~Sampler() = default;
};

struct Sampled {
  Token token = 0;
  bool end = false;  // the model ends its answer here; the token is no text
  std::string piece;
  std::optional<TokenLogprob> logprob;
};

// The memory of sequences and the means to go on with them. Used by one thread, which first calls
// bind().
class Context {
 public:
  virtual ~Context() = default;
  // Before anything else, by the thread that will use it: takes up that thread's place in the
  // machine (its cores, its priority).
  virtual void bind() {}

  [[nodiscard]] virtual std::uint32_t sequences() const = 0;
  // The most tokens of one sequence, prompt and answer together.
  [[nodiscard]] virtual std::uint32_t length() const = 0;

  // One step. kCancelled when `stop` became true: what was computed before is told by kept().
  virtual Result<> decode(std::span<const StepPart> parts, const std::atomic<bool>& stop) = 0;
  // Tokens that the context holds of a sequence.
  [[nodiscard]] virtual std::uint32_t kept(std::uint32_t sequence) const = 0;
  // Forgets what is at `position` and after it.
  virtual void truncate(std::uint32_t sequence, std::uint32_t position) = 0;
  // Makes `to` what `from` is.
  virtual void copy(std::uint32_t from, std::uint32_t to) = 0;
  // The state of a sequence, to be continued later, perhaps elsewhere in the context; empty: it
  // could not be had.
  virtual std::string save(std::uint32_t sequence) = 0;
  virtual bool restore(std::uint32_t sequence, const std::string& state) = 0;

  // What follows the part of the last step that stands at `part` and wanted it. kInvalid where the
  // grammar leaves nothing that could follow: that answer has come to a bad end, and no other.
  virtual Result<Sampled> sample(Sampler& sampler, std::size_t part) = 0;

  // Nothing is to be done for now.
  virtual void rest() {}
};

// A request in tokens.
struct Prepared {
  std::vector<Token> prompt;
  std::vector<std::unique_ptr<Sampler>> samplers;  // one for each answer wanted
  std::vector<std::string> stop;
  ReadAnswer read;  // may be empty
};

// Used by the engine's thread alone: each engine has its own, so that best effort that is in the
// middle of a template never holds realtime up.
class Prompter {
 public:
  virtual ~Prompter() = default;
  // kInvalid for what the model or its template does not take.
  virtual Result<Prepared> prepare(const GenerateRequest& request) = 0;
};

}  // namespace sluice::llama
