// The thread that owns an encoder: texts of many calls in one batch.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/llama/encoder.h"
#include "backends/llama/engine_call.h"
#include "backends/llama/inbox.h"
#include "base/time.h"
#include "telemetry/engine_metrics.h"

namespace sluice::llama {

struct EmbedOptions {
  std::string model;              // its name, for messages
  std::size_t call_limit = 1024;  // calls that are here at once
  telemetry::EngineMetricsByClass metrics{};
};

// Owns its encoder and its thread. A batch takes one text of each call in turn, so a call with
// thousands of them does not keep others waiting for more than a batch. The destructor ends every
// call with kUnavailable.
class EmbedEngine final : public CallTaker {
 public:
  // As of Engine.
  EmbedEngine(EmbedOptions options, std::unique_ptr<Encoder> encoder, const Clock& clock,
              std::function<void()> prepare_thread);
  ~EmbedEngine() override;
  EmbedEngine(const EmbedEngine&) = delete;
  EmbedEngine& operator=(const EmbedEngine&) = delete;

  void submit(std::shared_ptr<EngineCall> call) override;

 private:
  struct Embedding;  // a call
  using EmbeddingPtr = std::shared_ptr<Embedding>;
  struct Item {
    EmbeddingPtr of;
    std::size_t text;
  };

  void run();
  void take_in(std::shared_ptr<EngineCall> call);
  std::vector<Item> next_batch();
  void encode(const std::vector<Item>& batch);
  void count(const std::vector<Item>& batch, Duration took) const;
  void finish(const EmbeddingPtr& of, Result<Response> result);

  const EmbedOptions options_;
  const std::unique_ptr<Encoder> encoder_;
  const Clock& clock_;
  const std::shared_ptr<Inbox> inbox_;
  std::deque<EmbeddingPtr> open_;  // in turn; the engine's thread only
  std::thread thread_;
};

}  // namespace sluice::llama
