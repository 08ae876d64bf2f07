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
#include "backends/llama/share_owed.h"
#include "base/time.h"
#include "telemetry/engine_metrics.h"

namespace sluice::llama {

struct EmbedOptions {
  std::string model;              // its name, for messages
  std::size_t call_limit = 1024;  // calls that are here at once
  // Of the time, where both classes come here and realtime never ends.
  double best_effort_share = kBestEffortShare;
  telemetry::EngineMetricsByClass metrics{};
};

// Owns its encoder and its thread. A batch takes one text of each call in turn, so a call with
// thousands of them does not keep others waiting for more than a batch. A batch is of one class:
// realtime's comes first, and waits for no more than the one of best effort that is under way. The
// destructor ends every call with kUnavailable.
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
  void take_in_some();
  void take_in(std::shared_ptr<EngineCall> call);
  [[nodiscard]] bool waits(ServiceClass of) const;
  std::vector<Item> next_batch();
  void encode(const std::vector<Item>& batch);
  void count(const std::vector<Item>& batch, Duration took) const;
  void finish(const EmbeddingPtr& of, Result<Response> result);

  const EmbedOptions options_;
  const std::unique_ptr<Encoder> encoder_;
  const Clock& clock_;
  const std::shared_ptr<Inbox> inbox_;

  // The engine's thread only.
  std::deque<std::shared_ptr<EngineCall>> came_;  // not tokenised yet
  std::deque<EmbeddingPtr> open_;                 // in turn
  ShareOwed owed_;
  Duration best_effort_batch_{1};  // what the last one took; any debt will do for the first

  std::thread thread_;
};

}  // namespace sluice::llama
