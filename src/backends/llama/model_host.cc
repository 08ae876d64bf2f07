#include "backends/llama/model_host.h"

#include <algorithm>
#include <utility>

#include "backends/llama/hosted_call.h"
#include "base/format.h"

namespace sluice::llama {

using Answer = Residency::Answer;

ModelHost::ModelHost(Services services, std::uint64_t budget)
    : services_(services), loader_(&services.loader), residency_(budget) {}

ModelHost::~ModelHost() = default;

void ModelHost::close() {
  const std::scoped_lock lock(mutex_);
  loader_ = nullptr;
}

std::shared_ptr<HostedModel> ModelHost::add(Spec spec) {
  std::string id;
  {
    const std::scoped_lock lock(mutex_);
    id = formatted("{}#{}", spec.name, ++made_);
    residency_.add(id, spec.bytes, spec.keep_alive);
    Model& model = models_[id];
    model.name = spec.name;
    model.load = std::move(spec.load);
  }
  return std::make_shared<HostedModel>(shared_from_this(), std::move(id),
                                       std::move(spec.description), spec.bytes);
}

Result<> ModelHost::load_if_room(const std::string& id) {
  Load load;
  {
    const std::scoped_lock lock(mutex_);
    if (residency_.want(id, false).answer != Answer::kLoad) return {};
    load = models_.at(id).load;
  }
  return load_here(id, load);
}

Result<> ModelHost::load_here(const std::string& id, const Load& load) {
  const TimePoint before = services_.clock.now();
  auto made = load();
  Result<> result;
  if (!made) result = fail(made.error());
  was_loaded(id, std::move(made), services_.clock.now() - before);
  return result;
}

void ModelHost::set_keep_alive(const std::string& id, Duration keep_alive) {
  const std::scoped_lock lock(mutex_);
  residency_.set_keep_alive(id, keep_alive);
  arm();
}

void ModelHost::remove(const std::string& id) {
  Model gone;
  {
    const std::scoped_lock lock(mutex_);
    const auto it = models_.find(id);
    gone = std::move(it->second);
    models_.erase(it);
    residency_.remove(id);
  }
  for (const auto& call : gone.waiting) {
    call->ready(fail(unavailable(formatted("'{}' is not served any more", gone.name))));
  }
  discard(std::move(gone.callable));  // before what is loaded in its place
  const std::scoped_lock lock(mutex_);
  try_waiting();
}

bool ModelHost::must_yield(const std::string& id) const {
  const TimePoint now = services_.clock.now();
  return std::ranges::any_of(models_, [&](const auto& entry) {
    const auto& [other, model] = entry;
    return other != id && !model.waiting.empty() && !residency_.is_loading(other) &&
           now - model.waits_since > kPatience;
  });
}

// Too many wait for it: not for longer than it takes to load it.
Error ModelHost::busy(const Model& model, std::string message) const {
  constexpr std::chrono::milliseconds kLeast{1000};
  return {.code = ErrorCode::kExhausted,
          .message = std::move(message),
          .retry_after =
              std::max(kLeast, std::chrono::ceil<std::chrono::milliseconds>(model.load_took))};
}

Result<ModelHost::Entered> ModelHost::enter(const std::string& id,
                                            const std::shared_ptr<HostedCall>& call,
                                            bool only_drops) {
  const std::scoped_lock lock(mutex_);
  Model& model = models_.at(id);
  if (only_drops) {
    if (!residency_.is_here(id)) return Entered{};
    residency_.begin(id);
    return Entered{.callable = model.callable};
  }
  if (model.waiting.size() >= kMostWaiting) {
    return fail(
        busy(model, formatted("{} calls wait for '{}' to be loaded", kMostWaiting, model.name)));
  }
  const Residency::Wanted wanted = residency_.want(id);
  if (wanted.answer == Answer::kHere && !must_yield(id)) {
    residency_.begin(id);
    return Entered{.callable = model.callable};
  }
  if (wanted.answer == Answer::kTooLarge) {
    return fail(unavailable(
        formatted("'{}' does not fit into the memory for language models", model.name)));
  }
  if (model.waiting.empty()) model.waits_since = services_.clock.now();
  model.waiting.push_back(call);
  if (wanted.answer == Answer::kLoad) load(id, wanted.evict);
  return Entered{.waits = true};
}

void ModelHost::forget(const std::string& id, const HostedCall* call) {
  const std::scoped_lock lock(mutex_);
  const auto it = models_.find(id);
  if (it == models_.end()) return;
  std::erase_if(it->second.waiting, [&](const auto& one) { return one.get() == call; });
  try_waiting();  // others may have yielded to it
}

void ModelHost::load(const std::string& id, const std::vector<std::string>& evicted) {
  std::vector<CallablePtr> gone;
  gone.reserve(evicted.size());
  for (const std::string& other : evicted) {
    gone.push_back(std::exchange(models_.at(other).callable, nullptr));
  }
  Task task = [self = shared_from_this(), id, load = models_.at(id).load,
               gone = std::move(gone)]() mutable {
    gone.clear();                                                  // its memory is needed
    [[maybe_unused]] const auto told = self->load_here(id, load);  // to those who wait
  };
  if (loader_ == nullptr || !loader_->submit(task)) {
    residency_.gone(id);
    const Error why = busy(models_.at(id), "too many models wait to be loaded");
    for (const auto& call : std::exchange(models_.at(id).waiting, {})) call->ready(fail(why));
  }
}

void ModelHost::was_loaded(const std::string& id, Result<CallablePtr> made, Duration took) {
  const std::scoped_lock lock(mutex_);
  const auto it = models_.find(id);
  if (it == models_.end()) return;  // removed meanwhile; this thread lets go of it
  if (!made) {
    residency_.gone(id);
    for (const auto& call : std::exchange(it->second.waiting, {})) call->ready(fail(made.error()));
    return try_waiting();
  }
  it->second.callable = std::move(*made);
  it->second.load_took = took;
  residency_.loaded(id, services_.clock.now());
  give(it->second, id);
  arm();
}

// To those that wait for it.
void ModelHost::give(Model& model, const std::string& id) {
  for (const auto& call : std::exchange(model.waiting, {})) {
    residency_.begin(id);
    call->ready(model.callable);
  }
}

void ModelHost::leave(const std::string& id, std::optional<Duration> keep_alive) {
  const std::scoped_lock lock(mutex_);
  if (!models_.contains(id)) return;
  residency_.end(id, services_.clock.now(), keep_alive);
  try_waiting();
  arm();
}

// Somebody may have made room. Who has waited for longest comes first.
void ModelHost::try_waiting() {
  std::vector<std::string> ids;
  for (const auto& [id, model] : models_) {
    if (!model.waiting.empty()) ids.push_back(id);
  }
  std::ranges::sort(ids, {}, [&](const std::string& id) { return models_.at(id).waits_since; });
  for (const std::string& id : ids) {
    const Residency::Wanted wanted = residency_.want(id);
    if (wanted.answer == Answer::kLoad) load(id, wanted.evict);
    if (wanted.answer == Answer::kHere && !must_yield(id)) give(models_.at(id), id);
  }
}

void ModelHost::arm() {
  const auto next = residency_.next();
  if (next == armed_) return;
  armed_ = next;
  services_.timers.post([weak = weak_from_this(), at = next] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    Executor& timers = self->services_.timers;
    if (self->timer_ != 0) timers.cancel(std::exchange(self->timer_, 0));
    if (!at) return;
    self->timer_ = timers.run_at(*at, [weak] {
      if (const auto host = weak.lock()) {
        host->timer_ = 0;
        host->expire();
      }
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
  discard(std::move(idle));
}

void ModelHost::discard(CallablePtr gone) {
  std::vector<CallablePtr> one;
  one.push_back(std::move(gone));
  discard(std::move(one));
}

void ModelHost::discard(std::vector<CallablePtr> gone) {
  std::erase(gone, nullptr);
  if (gone.empty()) return;
  Task task = [gone = std::move(gone)]() mutable { gone.clear(); };
  {
    const std::scoped_lock lock(mutex_);
    if (loader_ != nullptr && loader_->submit(task)) return;
  }
  task();
}

bool ModelHost::is_loaded(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  return residency_.is_here(id);
}

std::optional<Duration> ModelHost::leaves_in(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  if (!residency_.is_here(id)) return Duration::zero();
  const auto until = residency_.until(id);
  if (!until) return std::nullopt;
  return std::max(Duration::zero(), *until - services_.clock.now());
}

HostedModel::HostedModel(std::shared_ptr<ModelHost> host, std::string id, Description description,
                         std::uint64_t bytes)
    : host_(std::move(host)),
      id_(std::move(id)),
      description_(std::move(description)),
      bytes_(bytes) {}

HostedModel::~HostedModel() {
  host_->remove(id_);
}

CancelHandle HostedModel::start(const Call& call, RequestPtr request, Sink& sink) {
  if (auto kind = check_kind(description_, kind_of(*request)); !kind) {
    sink.on_result(fail(std::move(kind.error())));
    return {};
  }
  return std::make_shared<HostedCall>(host_, id_, description_.name, call, std::move(request), sink)
      ->start();
}

}  // namespace sluice::llama
