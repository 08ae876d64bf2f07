#include "backends/llama/model_host.h"

#include <format>
#include <utility>

#include "backends/llama/hosted_call.h"

namespace sluice::llama {

ModelHost::ModelHost(Services services, std::uint64_t budget)
    : services_(services), residency_(budget) {}

ModelHost::~ModelHost() = default;

std::shared_ptr<HostedModel> ModelHost::add(Spec spec) {
  std::string id;
  {
    const std::scoped_lock lock(mutex_);
    id = std::format("{}#{}", spec.name, ++made_);
    residency_.add(id, spec.bytes, spec.keep_alive);
    Model& model = models_[id];
    model.name = spec.name;
    model.load = std::move(spec.load);
    // One that is in memory already stays if it has room, as if it had been asked for.
    if (spec.loaded != nullptr && residency_.want(id).answer == Residency::Answer::kLoad) {
      model.callable = std::move(spec.loaded);
      residency_.loaded(id, services_.clock.now());
      arm();
    }
  }
  return std::make_shared<HostedModel>(shared_from_this(), std::move(id),
                                       std::move(spec.description));
}

void ModelHost::remove(const std::string& id) {
  Model gone;
  const std::scoped_lock lock(mutex_);
  const auto it = models_.find(id);
  gone = std::move(it->second);
  models_.erase(it);
  residency_.remove(id);
  for (const auto& call : gone.waiting) {
    call->ready(fail(unavailable(std::format("'{}' is not served any more", gone.name))));
  }
  try_waiting();
}

Result<CallablePtr> ModelHost::enter(const std::string& id,
                                     const std::shared_ptr<HostedCall>& call) {
  const std::scoped_lock lock(mutex_);
  Model& model = models_.at(id);
  const Residency::Wanted wanted = residency_.want(id);
  if (wanted.answer == Residency::Answer::kHere) {
    residency_.begin(id);
    return model.callable;
  }
  if (wanted.answer == Residency::Answer::kTooLarge) {
    return fail(unavailable(
        std::format("'{}' does not fit into the memory for language models", model.name)));
  }
  if (model.waiting.size() >= kMostWaiting) {
    return fail(ErrorCode::kExhausted,
                std::format("{} calls wait for '{}' to be loaded", kMostWaiting, model.name));
  }
  model.waiting.push_back(call);
  if (wanted.answer == Residency::Answer::kLoad) {
    std::vector<CallablePtr> evicted;
    for (const std::string& other : wanted.evict) {
      evicted.push_back(std::exchange(models_.at(other).callable, nullptr));
    }
    load(id, std::move(evicted));
  }
  return nullptr;
}

void ModelHost::load(const std::string& id, std::vector<CallablePtr> evicted) {
  Task task = [self = shared_from_this(), id, load = models_.at(id).load,
               evicted = std::move(evicted)]() mutable {
    evicted.clear();  // its memory is needed
    self->was_loaded(id, load());
  };
  if (!services_.loader.submit(task)) {
    residency_.gone(id);
    for (const auto& call : std::exchange(models_.at(id).waiting, {})) {
      call->ready(fail(ErrorCode::kExhausted, "too many models wait to be loaded"));
    }
  }
}

void ModelHost::was_loaded(const std::string& id, Result<CallablePtr> made) {
  CallablePtr unwanted;
  const std::scoped_lock lock(mutex_);
  const auto it = models_.find(id);
  if (it == models_.end()) {  // removed meanwhile
    if (made) unwanted = std::move(*made);
    return;
  }
  Model& model = it->second;
  const auto waiting = std::exchange(model.waiting, {});
  if (!made) {
    residency_.gone(id);
    for (const auto& call : waiting) call->ready(fail(made.error()));
    try_waiting();
    return;
  }
  model.callable = std::move(*made);
  residency_.loaded(id, services_.clock.now());
  for (const auto& call : waiting) {
    residency_.begin(id);
    call->ready(model.callable);
  }
  arm();
}

void ModelHost::leave(const std::string& id, std::optional<Duration> keep_alive) {
  const std::scoped_lock lock(mutex_);
  if (!models_.contains(id)) return;
  residency_.end(id, services_.clock.now(), keep_alive);
  try_waiting();
  arm();
}

// Somebody may have made room.
void ModelHost::try_waiting() {
  for (auto& [id, model] : models_) {
    if (model.waiting.empty()) continue;
    const Residency::Wanted wanted = residency_.want(id);
    if (wanted.answer != Residency::Answer::kLoad) continue;
    std::vector<CallablePtr> evicted;
    for (const std::string& other : wanted.evict) {
      evicted.push_back(std::exchange(models_.at(other).callable, nullptr));
    }
    load(id, std::move(evicted));
  }
}

void ModelHost::arm() {
  const auto next = residency_.next();
  if (!next || (armed_ && *armed_ <= *next)) return;
  armed_ = next;
  services_.timers.post([weak = weak_from_this(), &timers = services_.timers, at = *next] {
    timers.run_at(at, [weak] {
      if (const auto self = weak.lock()) self->expire();
    });
  });
}

void ModelHost::expire() {
  std::vector<CallablePtr> idle;
  {
    const std::scoped_lock lock(mutex_);
    armed_.reset();
    for (const std::string& id : residency_.expire(services_.clock.now())) {
      idle.push_back(std::exchange(models_.at(id).callable, nullptr));
    }
    arm();
  }
  if (idle.empty()) return;
  // It takes a while to give memory back, and this may be an io thread.
  Task task = [idle = std::move(idle)]() mutable { idle.clear(); };
  if (!services_.loader.submit(task)) task();
}

std::vector<ModelHost::Resident> ModelHost::residents() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Resident> all;
  for (const auto& [id, model] : models_) {
    if (!residency_.is_here(id)) continue;
    Resident& one = all.emplace_back();
    one.name = model.name;
    one.bytes = residency_.bytes(id);
    if (const auto until = residency_.until(id)) one.left = *until - services_.clock.now();
  }
  return all;
}

HostedModel::HostedModel(std::shared_ptr<ModelHost> host, std::string id, Description description)
    : host_(std::move(host)), id_(std::move(id)), description_(std::move(description)) {}

HostedModel::~HostedModel() {
  host_->remove(id_);
}

CancelHandle HostedModel::start(const Call& call, RequestPtr request, Sink& sink) {
  if (auto kind = check_kind(description_, *request); !kind) {
    sink.on_result(fail(std::move(kind.error())));
    return {};
  }
  return std::make_shared<HostedCall>(host_, id_, call, std::move(request), sink)->start();
}

}  // namespace sluice::llama
