// A model that is a hash function, for tests of what stands around models; no part of the product.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "backends/llama/ports.h"

namespace sluice::llama::testing {

inline constexpr Token kEndToken = 0;
inline constexpr Token kVocabulary = 1000;

// What follows these tokens: it depends on every one of them and on their order, so that a context
// in which something is missing, doubled or another's is found out.
inline Token next_token(std::span<const Token> all) {
  std::uint64_t hash = 1469598103934665603U;
  for (const Token token : all) {
    hash = (hash ^ static_cast<std::uint64_t>(token)) * 1099511628211U;
    hash ^= hash >> 29U;
  }
  return 1 + static_cast<Token>(hash % (kVocabulary - 1));
}
inline std::string piece_of(Token token) {
  return "t" + std::to_string(token) + " ";
}
// The text of a whole answer.
inline std::string answer_to(std::vector<Token> prompt, std::uint32_t tokens) {
  std::string text;
  for (std::uint32_t i = 0; i < tokens; ++i) {
    const Token next = next_token(prompt);
    text += piece_of(next);
    prompt.push_back(next);
  }
  return text;
}
// A prompt is its characters.
inline std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (const char c : text) tokens.push_back(1 + static_cast<unsigned char>(c));
  return tokens;
}

struct FakeSampler final : Sampler {
  bool bound = false;  // to a grammar
  std::uint32_t sampled = 0;
};

// The gate through which a test lets steps pass, and what it sees of them. Any thread.
class Gate {
 public:
  // --- test
  void open() { set(~0U); }
  void close() { set(0); }
  void pass(unsigned steps) {
    const std::scoped_lock lock(mutex_);
    left_ += steps;
    changed_.notify_all();
  }
  // Until this many steps have begun in all.
  void wait_for(unsigned steps) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_ >= steps; });
  }

  // --- context; false: the step was given up
  bool step(const std::atomic<bool>& stop) {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    while (left_ == 0 && !stop) changed_.wait_for(lock, std::chrono::milliseconds(1));
    if (stop) return false;
    if (left_ != ~0U) --left_;
    return true;
  }

 private:
  void set(unsigned left) {
    const std::scoped_lock lock(mutex_);
    left_ = left;
    changed_.notify_all();
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  unsigned left_ = ~0U;
  unsigned begun_ = 0;
};

// What a test may look at afterwards.
struct Seen {
  std::atomic<std::uint32_t> tokens = 0;  // computed
  std::atomic<std::uint32_t> saved = 0;
  std::atomic<std::uint32_t> copied = 0;
  // Of each part of a step that is given up, so many tokens stay.
  std::atomic<std::uint32_t> kept_of_a_part = 0;
  // Answers bound to a grammar can't go on after so many tokens.
  std::atomic<std::uint32_t> impossible_after = 0;
  std::atomic<bool> lose_states = false;
  std::atomic<bool> wrong_position = false;
  std::atomic<bool> fail_next = false;
};

class FakeContext final : public Context {
 public:
  FakeContext(std::uint32_t sequences, std::uint32_t length, Gate& gate, Seen& seen)
      : memory_(sequences), length_(length), gate_(gate), seen_(seen) {}

  [[nodiscard]] std::uint32_t sequences() const override {
    return static_cast<std::uint32_t>(memory_.size());
  }
  [[nodiscard]] std::uint32_t length() const override { return length_; }

  Result<> decode(std::span<const StepPart> parts, const std::atomic<bool>& stop) override {
    if (!gate_.step(stop)) {
      for (const StepPart& part : parts) {
        auto& memory = memory_[part.sequence];
        const std::size_t kept = std::min<std::size_t>(seen_.kept_of_a_part, part.tokens.size());
        memory.insert(memory.end(), part.tokens.begin(), part.tokens.begin() + kept);
      }
      return fail(cancelled("given up"));
    }
    if (seen_.fail_next.exchange(false)) return fail(internal("the fake broke"));
    last_.clear();
    for (const StepPart& part : parts) {
      auto& memory = memory_[part.sequence];
      if (memory.size() != part.position) seen_.wrong_position = true;
      memory.insert(memory.end(), part.tokens.begin(), part.tokens.end());
      seen_.tokens += static_cast<std::uint32_t>(part.tokens.size());
      last_.push_back(part.sequence);
    }
    return {};
  }
  [[nodiscard]] std::uint32_t kept(std::uint32_t sequence) const override {
    return static_cast<std::uint32_t>(memory_[sequence].size());
  }
  void truncate(std::uint32_t sequence, std::uint32_t position) override {
    if (memory_[sequence].size() > position) memory_[sequence].resize(position);
  }
  void copy(std::uint32_t from, std::uint32_t to) override {
    memory_[to] = memory_[from];
    ++seen_.copied;
  }
  std::string save(std::uint32_t sequence) override {
    ++seen_.saved;
    const auto& memory = memory_[sequence];
    return "s" +
           std::string(reinterpret_cast<const char*>(memory.data()), memory.size() * sizeof(Token));
  }
  bool restore(std::uint32_t sequence, const std::string& state) override {
    if (seen_.lose_states) return false;
    auto& memory = memory_[sequence];
    memory.resize((state.size() - 1) / sizeof(Token));
    std::memcpy(memory.data(), state.data() + 1, state.size() - 1);
    return true;
  }
  Result<Sampled> sample(Sampler& sampler, std::size_t part) override {
    auto& own = static_cast<FakeSampler&>(sampler);
    if (own.bound && own.sampled++ == seen_.impossible_after) return fail(invalid("no way on"));
    const Token token = next_token(memory_[last_[part]]);
    return Sampled{.token = token, .end = false, .piece = piece_of(token), .logprob = {}};
  }

 private:
  std::vector<std::vector<Token>> memory_;
  std::vector<std::uint32_t> last_;
  const std::uint32_t length_;
  Gate& gate_;
  Seen& seen_;
};

class FakePrompter final : public Prompter {
 public:
  Result<Prepared> prepare(const GenerateRequest& request) override {
    if (request.prompt == "refused") return fail(invalid("the fake does not take this"));
    Prepared prepared;
    prepared.prompt = tokens_of(request.prompt.value_or(""));
    prepared.stop = request.stop;
    if (!request.tools.empty()) prepared.read = &read;
    if (request.reasoning == ReasoningEffort::kHigh) prepared.read = &think;
    for (std::uint32_t i = 0; i < request.choices; ++i) {
      auto sampler = std::make_unique<FakeSampler>();
      sampler->bound = request.constraint.kind != Constraint::Kind::kNone;
      prepared.samplers.push_back(std::move(sampler));
    }
    return prepared;
  }

 private:
  // What stands before the third space is thought; of a text that is not whole, what is certain.
  static Choice think(std::string text, bool whole) {
    std::size_t end = 0;
    for (int i = 0; i < 3 && end != std::string::npos; ++i) end = text.find(' ', end + 1);
    if (end == std::string::npos) {
      return {.text = {}, .reasoning = whole ? text : text.substr(0, text.rfind(' ') + 1)};
    }
    return {.text = text.substr(end), .reasoning = text.substr(0, end)};
  }
  // With tools an answer says what stands before its fourth space; the rest is a call.
  static Choice read(std::string text, bool whole) {
    std::size_t end = 0;
    for (int i = 0; i < 4 && end != std::string::npos; ++i) end = text.find(' ', end + 1);
    Choice choice;
    choice.text = text.substr(0, end);
    if (whole && end != std::string::npos) {
      choice.tool_calls.push_back({.id = "", .name = "f", .arguments = text.substr(end)});
    }
    return choice;
  }
};

}  // namespace sluice::llama::testing
