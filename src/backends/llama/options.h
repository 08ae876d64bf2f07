// How a language model is loaded and run in this process.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "config/describe.h"

namespace sluice::llama {

// How realtime and best effort live side by side.
enum class Sharing : std::uint8_t {
  kAuto,    // kSplit where the machine allows it and no GPU is used, else kShared
  kSplit,   // a context each; best effort's threads run only where realtime leaves time
  kShared,  // one context, whose driver gives best effort what realtime does not need
};

// Whose calls a context computes.
enum class ContextRole : std::uint8_t { kRealtime, kBestEffort, kBoth };

struct LlamaOptions {
  std::string path;           // a GGUF file
  std::uint32_t context = 0;  // tokens of one sequence; 0: what the model was trained for, at most
                              // kDefaultContext
  std::uint32_t realtime_sequences = 2;
  std::uint32_t best_effort_sequences = 2;
  std::uint32_t threads = 0;        // of a context; 0: one for each usable processor
  std::uint32_t step_tokens = 512;  // the most computed at once
  Sharing sharing = Sharing::kAuto;
  Duration realtime_wait = std::chrono::milliseconds(50);  // kShared: the longest step before it
  int gpu_layers = 0;                                      // -1: all
  std::optional<Duration> keep_alive;  // in memory after the last call; none: for good
  std::string chat_template;           // Jinja; empty: the model's own
};

inline constexpr std::uint32_t kDefaultContext = 8192;
// Of an encoder: the most texts in a batch.
inline constexpr std::uint32_t kBatchTexts = 32;

void describe(config::Choices<Sharing>& c);
void describe(config::Fields<LlamaOptions>& f);

}  // namespace sluice::llama
