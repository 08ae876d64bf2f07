#include "backends/llama/options.h"

#include "config/fields.h"

namespace sluice::llama {

void describe(config::Choices<Sharing>& c) {
  c.choice("auto", Sharing::kAuto, "split where the machine allows it, else shared")
      .choice("split", Sharing::kSplit,
              "a context each; best effort's threads run only where realtime leaves time")
      .choice("shared", Sharing::kShared,
              "one context, whose steps are cut so that neither waits long for the other");
}

void describe(config::Fields<LlamaOptions>& f) {
  f.about("llama", "A language model in a GGUF file, run by llama.cpp in this process.");
  f.field("path", &LlamaOptions::path, "The .gguf file.").required().not_empty();
  f.field("context", &LlamaOptions::context,
          "Tokens of prompt and answer together; 0: as the model was trained, at most 8192.")
      .at_most(1U << 20U);
  f.field("realtime_sequences", &LlamaOptions::realtime_sequences,
          "Answers to people who wait that are written side by side.")
      .range(1, 128);
  f.field("best_effort_sequences", &LlamaOptions::best_effort_sequences,
          "Answers that nobody waits for that are written side by side.")
      .range(1, 128);
  f.field("threads", &LlamaOptions::threads,
          "Threads of a context; 0: one for each usable processor.")
      .at_most(512);
  f.field("step_tokens", &LlamaOptions::step_tokens,
          "The most tokens computed at once: larger ones are faster in all, and others wait longer "
          "for their next.")
      .range(16, 8192);
  f.field("sharing", &LlamaOptions::sharing, "How realtime and best effort live side by side.");
  f.field("realtime_wait", &LlamaOptions::realtime_wait,
          "Of a shared context: how long a step of best effort may be that realtime has to wait "
          "for.")
      .range(std::chrono::milliseconds(5), std::chrono::seconds(10));
  f.field("gpu_layers", &LlamaOptions::gpu_layers,
          "Layers computed by the GPU, in a build that has one; -1: all.")
      .range(-1, 10'000);
  f.field("keep_alive", &LlamaOptions::keep_alive,
          "How long it stays in memory after its last call; without: for good, or until another "
          "model needs the room.")
      .at_most(std::chrono::hours(24 * 365));
  f.field("chat_template", &LlamaOptions::chat_template,
          "A chat template in Jinja, in place of the model's own.");
}

}  // namespace sluice::llama
