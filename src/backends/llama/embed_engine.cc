#include "backends/llama/embed_engine.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/format.h"

namespace sluice::llama {

struct EmbedEngine::Embedding {
  std::shared_ptr<EngineCall> call;
  std::vector<std::vector<Token>> texts;
  std::size_t next = 0;  // text that is in no batch yet
  std::size_t left = 0;  // texts without a vector
  EmbedResponse response;
  TimePoint came{};
  bool done = false;
};

EmbedEngine::EmbedEngine(EmbedOptions options, std::unique_ptr<Encoder> encoder, const Clock& clock,
                         std::function<void()> prepare_thread)
    : options_(std::move(options)),
      encoder_(std::move(encoder)),
      clock_(clock),
      inbox_(std::make_shared<Inbox>(options_.call_limit)),
      owed_(options_.best_effort_share),
      thread_([this, prepare = std::move(prepare_thread)] {
        if (prepare) prepare();
        run();
      }) {}

EmbedEngine::~EmbedEngine() {
  inbox_->close();
  thread_.join();
}

void EmbedEngine::submit(std::shared_ptr<EngineCall> call) {
  Inbox::submit(inbox_, std::move(call), options_.model);
}

void EmbedEngine::run() {
  encoder_->bind();
  for (;;) {
    const bool idle = open_.empty() && came_.empty();
    if (idle ? !inbox_->wait([this] { encoder_->rest(); }) : inbox_->closed()) break;
    std::ranges::move(inbox_->take(), std::back_inserter(came_));
    take_in_some();
    for (const EmbeddingPtr& of : std::deque(open_)) {
      if (of->call->stopped()) finish(of, fail(cancelled("the caller went away")));
    }
    const std::vector<Item> batch = next_batch();
    if (!batch.empty()) encode(batch);
  }
  const Error gone = unavailable(formatted("'{}' was unloaded", options_.model));
  for (const EmbeddingPtr& of : std::deque(open_)) finish(of, fail(gone));
  for (const auto& call : came_) {
    inbox_->done();
    call->end(fail(gone), {}, {});
  }
  inbox_->refuse_rest(gone);
}

// All of realtime's, but of best effort's no more than fill a batch: realtime that comes while
// thousands of texts are made tokens would wait for that.
void EmbedEngine::take_in_some() {
  std::size_t texts = 0;
  for (auto& call : std::exchange(came_, {})) {
    const bool best_effort = call->service_class() == ServiceClass::kBestEffort;
    if (best_effort && texts >= encoder_->batch_texts()) {
      came_.push_back(std::move(call));
      continue;
    }
    if (best_effort) texts += call->request<EmbedRequest>().inputs.size();
    take_in(std::move(call));
  }
}

void EmbedEngine::take_in(std::shared_ptr<EngineCall> call) {
  auto of = std::make_shared<Embedding>();
  of->call = std::move(call);
  of->came = clock_.now();
  const auto& request = of->call->request<EmbedRequest>();
  if (of->call->stopped()) return finish(of, fail(cancelled("the caller went away")));
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    std::vector<Token> tokens = encoder_->tokenize(request.inputs[i]);
    // A batch is of many callers, and fails as one.
    if (tokens.empty()) return finish(of, fail(invalid(formatted("input {} is empty", i))));
    if (tokens.size() > encoder_->length()) {
      if (!request.truncate) {
        return finish(of, fail(too_long_for_context(
                              formatted("input {} has {} tokens, but '{}' takes {} at most", i,
                                        tokens.size(), options_.model, encoder_->length()))));
      }
      encoder_->truncate(tokens);
    }
    of->response.prompt_tokens += static_cast<std::uint32_t>(tokens.size());
    of->texts.push_back(std::move(tokens));
  }
  of->left = of->texts.size();
  of->response.model = options_.model;
  of->response.vectors.resize(of->left);
  if (of->left == 0) return finish(of, std::move(of->response));  // it is in memory
  open_.push_back(std::move(of));
}

bool EmbedEngine::waits(ServiceClass of) const {
  return std::ranges::any_of(
      open_, [of](const EmbeddingPtr& one) { return one->call->service_class() == of; });
}

std::vector<EmbedEngine::Item> EmbedEngine::next_batch() {
  const bool its_turn = waits(ServiceClass::kBestEffort) && owed_.is_turn(best_effort_batch_);
  const ServiceClass turn = waits(ServiceClass::kRealtime) && !its_turn ? ServiceClass::kRealtime
                                                                        : ServiceClass::kBestEffort;
  std::vector<Item> batch;
  std::size_t tokens = 0;
  // One text of each in turn, until nobody has another that fits.
  bool took = true;
  while (took) {
    took = false;
    for (const EmbeddingPtr& of : open_) {
      if (batch.size() == encoder_->batch_texts()) return batch;
      if (of->call->service_class() != turn || of->next == of->texts.size()) continue;
      const std::size_t size = of->texts[of->next].size();
      if (tokens + size > encoder_->batch_tokens()) continue;
      tokens += size;
      batch.push_back({of, of->next++});
      took = true;
    }
  }
  return batch;
}

void EmbedEngine::encode(const std::vector<Item>& batch) {
  std::vector<const std::vector<Token>*> texts;
  Inbox::StepShares shares;
  for (const Item& item : batch) {
    texts.push_back(&item.of->texts[item.text]);
    shares.emplace_back(item.of->call.get(), static_cast<std::uint32_t>(texts.back()->size()));
  }
  inbox_->begin_step(shares);
  const TimePoint before = clock_.now();
  auto vectors = encoder_->encode(texts, inbox_->stop_step());
  const Duration took = clock_.now() - before;
  inbox_->end_step();
  const bool realtime = batch.front().of->call->service_class() == ServiceClass::kRealtime;
  if (!realtime && vectors) best_effort_batch_ = std::max(took, Duration(1));
  owed_.spent(realtime, took, waits(ServiceClass::kBestEffort), 2 * best_effort_batch_);
  if (!vectors && vectors.error().code == ErrorCode::kCancelled) {
    // Given up for those that are not wanted any more; the others' texts come again.
    for (const Item& item : batch) item.of->next = std::min(item.of->next, item.text);
    return;
  }
  if (vectors) count(batch, took);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Embedding& of = *batch[i].of;
    if (of.done) continue;
    if (!vectors) {
      finish(batch[i].of, fail(vectors.error()));
      continue;
    }
    of.response.vectors[batch[i].text] = std::move((*vectors)[i]);
    if (--of.left == 0) {
      of.response.times.prompt = clock_.now() - of.came;
      finish(batch[i].of, std::move(of.response));
    }
  }
  // Those that had nothing in it are the first in the next one.
  std::ranges::stable_partition(open_, [&](const EmbeddingPtr& of) {
    return std::ranges::find(batch, of, &Item::of) == batch.end();
  });
}

void EmbedEngine::count(const std::vector<Item>& batch, Duration took) const {
  const auto of = static_cast<std::size_t>(batch.front().of->call->service_class());
  const telemetry::EngineMetrics& metrics = options_.metrics[of];
  for (const Item& item : batch) metrics.prompt_tokens.add(item.of->texts[item.text].size());
  metrics.step.record(took);
}

void EmbedEngine::finish(const EmbeddingPtr& of, Result<Response> result) {
  of->done = true;
  std::erase(open_, of);
  const TimePoint now = clock_.now();
  inbox_->done();
  of->call->end(std::move(result), now, now);
}

}  // namespace sluice::llama
