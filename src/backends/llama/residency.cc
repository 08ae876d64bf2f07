#include "backends/llama/residency.h"

#include <algorithm>

namespace sluice::llama {

namespace {
std::optional<TimePoint> after(TimePoint now, Duration keep_alive) {
  if (keep_alive < Duration::zero()) return std::nullopt;
  const Deadline until = Deadline::after(now, keep_alive);
  return until.is_never() ? std::nullopt : std::optional(until.at());
}
}  // namespace

void Residency::add(const std::string& model, std::uint64_t bytes, Duration keep_alive) {
  models_[model] = {.bytes = bytes, .keep_alive = keep_alive};
}

void Residency::remove(const std::string& model) {
  models_.erase(model);
}

std::uint64_t Residency::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, model] : models_) {
    if (model.place != Place::kOut) bytes += model.bytes;
  }
  return bytes;
}

bool Residency::is_here(const std::string& model) const {
  const auto it = models_.find(model);
  return it != models_.end() && it->second.place == Place::kIn;
}

std::optional<TimePoint> Residency::until(const std::string& model) const {
  const auto it = models_.find(model);
  return it == models_.end() ? std::nullopt : it->second.until;
}

void Residency::set_keep_alive(const std::string& name, Duration keep_alive) {
  Model& model = models_.at(name);
  if (model.keep_alive == keep_alive) return;  // a call may have said something else
  model.keep_alive = keep_alive;
  if (model.place == Place::kIn && model.calls == 0) model.until = after(model.used, keep_alive);
}

Residency::Wanted Residency::want(const std::string& name, bool may_evict) {
  Model& model = models_.at(name);
  if (model.place == Place::kIn) return {};
  if (model.place == Place::kLoading) return {.answer = Answer::kLoading};
  if (budget_ != 0 && model.bytes > budget_) return {.answer = Answer::kTooLarge};
  Wanted wanted{.answer = Answer::kLoad};
  if (budget_ != 0) {
    // Those that nobody uses, the one unused for longest first.
    std::vector<std::pair<TimePoint, std::string>> idle;
    for (const auto& [other, it] : models_) {
      if (may_evict && it.place == Place::kIn && it.calls == 0) idle.emplace_back(it.used, other);
    }
    std::ranges::sort(idle);
    std::uint64_t left = used();
    for (const auto& [when, other] : idle) {
      if (left + model.bytes <= budget_) break;
      left -= models_.at(other).bytes;
      wanted.evict.push_back(other);
    }
    if (left + model.bytes > budget_) return {.answer = Answer::kNoRoom};
  }
  for (const std::string& other : wanted.evict) gone(other);
  model.place = Place::kLoading;
  return wanted;
}

void Residency::loaded(const std::string& name, TimePoint now) {
  Model& model = models_.at(name);
  model.place = Place::kIn;
  model.used = now;
  model.until = after(now, model.keep_alive);
}

void Residency::gone(const std::string& name) {
  Model& model = models_.at(name);
  model.place = Place::kOut;
  model.until.reset();
}

void Residency::begin(const std::string& name) {
  Model& model = models_.at(name);
  ++model.calls;
  model.until.reset();
}

void Residency::end(const std::string& name, TimePoint now, std::optional<Duration> keep_alive) {
  Model& model = models_.at(name);
  --model.calls;
  model.used = now;
  if (model.calls == 0) model.until = after(now, keep_alive.value_or(model.keep_alive));
}

std::vector<std::string> Residency::expire(TimePoint now) {
  std::vector<std::string> idle;
  for (const auto& [name, model] : models_) {
    if (model.place == Place::kIn && model.calls == 0 && model.until && *model.until <= now) {
      idle.push_back(name);
    }
  }
  for (const std::string& name : idle) gone(name);
  return idle;
}

std::optional<TimePoint> Residency::next() const {
  std::optional<TimePoint> first;
  for (const auto& [name, model] : models_) {
    if (model.place != Place::kIn || model.calls != 0 || !model.until) continue;
    if (!first || *model.until < *first) first = model.until;
  }
  return first;
}

}  // namespace sluice::llama
