#include "backends/onnx/batcher.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "backends/onnx/pending_call.h"
#include "backends/onnx/pooled_call.h"

namespace sluice::onnx {

// One run that waits in the pool or is under way, stopped when the last of its calls has left.
struct BatchRun {
  explicit BatchRun(ComputePool& in) : pool(in) {}
  ComputePool& pool;
  ComputePool::Place place;
  RunControl control;
  std::atomic<std::size_t> staying = 0;
  void leave() {
    if (staying.fetch_sub(1) == 1) stop();
  }
  bool submit(Task& task) {
    if (!pool.submit(task, &place)) return false;
    if (staying.load() == 0) stop();  // they left before it had its place
    return true;
  }

 private:
  void stop() {
    if (!pool.leave(place)) control.terminate();
  }
};

class BatchedCall final : public PendingCall {
 public:
  BatchedCall(Batcher& batcher, std::shared_ptr<const OnnxModel> model, const Call& call,
              RequestPtr request, Sink& sink, TimePoint now, std::size_t row_count)
      : PendingCall(call, std::move(request), sink, model->describe().name, now),
        rows(row_count),
        batcher_(batcher),
        model_(std::move(model)) {}

  const std::size_t rows;
  BatchPolicy::Id id = 0;         // guarded by the batcher's mutex
  std::shared_ptr<BatchRun> run;  // guarded by the batcher's mutex; null while it waits

 private:
  void stop() override { batcher_.leave(*this); }

  Batcher& batcher_;                              // the model's,
  const std::shared_ptr<const OnnxModel> model_;  // which is why it is held
};

namespace {

void run_batch(const OnnxModel& model, const std::vector<std::shared_ptr<BatchedCall>>& calls,
               BatchRun& run, const Clock& clock) {
  const TimePoint now = clock.now();
  std::vector<std::shared_ptr<BatchedCall>> here;
  std::vector<const InferRequest*> requests;
  std::vector<std::size_t> rows;
  for (const auto& call : calls) {
    if (call->stopped()) continue;
    if (call->deadline().passed(now)) {
      call->finish_late();
      continue;
    }
    here.push_back(call);
    requests.push_back(&call->infer());
    rows.push_back(call->rows);
  }
  if (here.empty()) return;

  CallTimes times;
  const auto& wanted = requests.front()->outputs;
  if (here.size() == 1) {
    auto alone = model.run(requests.front()->inputs, wanted, &run.control, &times);
    here.front()->finish(std::move(alone), times);
    return;
  }
  const auto inputs = join_rows(model.describe(), requests);
  auto answer = model.run(inputs, wanted, &run.control, &times);
  if (!answer) {
    for (const auto& call : here) call->finish(fail(answer.error()), times);
    return;
  }
  auto& together = std::get<InferResponse>(*answer);
  auto parts = split_rows(together.outputs, rows);
  for (std::size_t i = 0; i < here.size(); ++i) {
    if (!parts) {
      here[i]->finish(fail(parts.error()), times);
      continue;
    }
    here[i]->finish(InferResponse{together.model, together.version, std::move((*parts)[i]), {}, {}},
                    times);
  }
}

}  // namespace

CancelHandle Batcher::start(std::shared_ptr<const OnnxModel> model, const Call& call,
                            RequestPtr request, Sink& sink, const BatchShape& shape) {
  const TimePoint now = clock_.now();
  const Duration estimate = model->placement(*request).estimate;
  TimePoint latest = TimePoint::max();
  if (!call.deadline.is_never()) latest = call.deadline.at() - estimate;
  auto batched =
      std::make_shared<BatchedCall>(*this, model, call, std::move(request), sink, now, shape.rows);
  std::vector<Ready> ready;
  std::optional<TimePoint> wake;
  {
    const std::scoped_lock lock(mutex_);
    if (!policy_.full()) {
      batched->id = ++last_;
      waiting_.emplace(batched->id, batched);
      const auto added = policy_.add(batched->id, shape.key, shape.rows, now, latest);
      ready = take(added.ready);
      wake = added.wake;
    }
  }
  if (batched->id == 0) {
    sink.on_result(fail(queue_full(model->describe().name, pool_, estimate)));
    return {};
  }
  batched->watch_deadline();
  submit(model, std::move(ready));
  if (wake) {
    // Calls from other homes may wait for it too.
    call.home->run_at(*wake, [this, model, stay = Executor::Stay(*call.home)] { run_due(model); });
  }
  return CancelHandle(std::move(batched));
}

void Batcher::leave(BatchedCall& call) {
  const std::scoped_lock lock(mutex_);
  if (call.run != nullptr) {
    call.run->leave();
  } else if (policy_.remove(call.id)) {
    waiting_.erase(call.id);
  }
}

void Batcher::run_due(const std::shared_ptr<const OnnxModel>& model) {
  std::vector<Ready> due;
  {
    const std::scoped_lock lock(mutex_);
    due = take(policy_.take_due(clock_.now()));
  }
  submit(model, std::move(due));
}

std::vector<Batcher::Ready> Batcher::take(const std::vector<BatchPolicy::Batch>& batches) {
  std::vector<Ready> taken;
  for (const BatchPolicy::Batch& batch : batches) {
    Ready ready{{}, std::make_shared<BatchRun>(pool_)};
    for (const BatchPolicy::Id id : batch) {
      const auto at = waiting_.find(id);
      ready.calls.push_back(std::move(at->second));
      ready.calls.back()->run = ready.run;
      waiting_.erase(at);
    }
    ready.run->staying.store(batch.size());
    taken.push_back(std::move(ready));
  }
  return taken;
}

void Batcher::submit(const std::shared_ptr<const OnnxModel>& model, std::vector<Ready> batches) {
  for (Ready& batch : batches) {
    const auto ready = std::make_shared<const Ready>(std::move(batch));
    Task task = [model, ready, &clock = clock_] {
      run_batch(*model, ready->calls, *ready->run, clock);
    };
    if (ready->run->submit(task)) continue;
    for (const auto& call : ready->calls) {
      const Duration estimate = model->placement(*call->request()).estimate;
      call->finish(fail(queue_full(model->describe().name, pool_, estimate)));
    }
  }
}

}  // namespace sluice::onnx
