#include "backends/onnx/repository.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/format.h"

namespace sluice::onnx {

std::string_view to_string(VersionState state) {
  switch (state) {
    case VersionState::kLoading:
      return "LOADING";
    case VersionState::kReady:
      return "READY";
    case VersionState::kUnavailable:
      break;
  }
  return "UNAVAILABLE";
}

std::shared_ptr<ModelRepository> ModelRepository::make(Spec spec, Load load, Changed changed,
                                                       ComputePool& loader, telemetry::Log& log) {
  return std::shared_ptr<ModelRepository>(
      new ModelRepository(std::move(spec), std::move(load), std::move(changed), loader, log));
}

ModelRepository::ModelRepository(Spec spec, Load load, Changed changed, ComputePool& loader,
                                 telemetry::Log& log)
    : spec_(std::move(spec)),
      load_(std::move(load)),
      changed_(std::move(changed)),
      loader_(loader),
      log_(log) {}

Result<> ModelRepository::refresh() {
  const std::scoped_lock working(working_);
  return refresh_holding(false);
}

Result<> ModelRepository::refresh_holding(bool again) {
  if (!wanted_) return {};
  auto files = find_versions(spec_.path);
  if (!files) {
    // What serves goes on serving: a folder that is being put in place is missing for a moment.
    report();
    const bool serving = std::ranges::any_of(versions(), [](const VersionStatus& status) {
      return status.state == VersionState::kReady;
    });
    if (!std::exchange(files_missing_, true)) {  // said once, not at every look
      log_.error(
          "onnx", serving ? "model_files_missing" : "model_not_loaded",
          {{"model", spec_.name}, {"reason", files.error().message}, {"still_serving", serving}});
    }
    if (serving) return {};
    return fail(files.error());
  }
  files_missing_ = false;

  const auto chosen = [&](VersionNumber version) {
    return spec_.policy.only.empty() || std::ranges::contains(spec_.policy.only, version);
  };
  std::vector<VersionNumber> kept;
  std::size_t ready = 0;
  std::string first_reason;
  for (const auto& [version, file] : *files | std::views::reverse) {
    if (!chosen(version)) continue;
    if (ready >= spec_.policy.latest) break;
    kept.push_back(version);
    if (bring_up(version, file, again)) {
      ++ready;
    } else if (first_reason.empty()) {
      first_reason = versions_.at(version).status.reason;
    }
  }
  for (const VersionNumber version : spec_.policy.only) {
    if (files->contains(version)) continue;
    kept.push_back(version);
    first_reason = formatted("{}: there is no version {}", spec_.path.string(), version);
    set(version, {{version, VersionState::kUnavailable, first_reason, nullptr}, {}});
  }
  drop_all_but(kept);
  report();
  if (ready == 0) return fail(unavailable(first_reason));
  return {};
}

bool ModelRepository::bring_up(VersionNumber version, const VersionFile& file, bool again) {
  const auto at = versions_.find(version);
  Held held = at == versions_.end() ? Held{{.version = version}, {}} : at->second;
  const bool serving = held.status.state == VersionState::kReady;
  if (at != versions_.end() && held.tried == file.stamp &&
      (!again || (serving && held.status.reason.empty()))) {
    return serving;
  }
  if (!serving) {
    set(version, {{version, VersionState::kLoading, "it is being loaded", nullptr}, file.stamp});
    report();
  }
  auto loaded = load_({spec_.name, std::to_string(version), file.file});
  held.tried = file.stamp;
  if (loaded) {
    held.status = {version, VersionState::kReady, {}, std::move(*loaded)};
    log_.info("onnx", serving ? "model_reloaded" : "model_loaded",
              {{"model", spec_.name}, {"version", version}, {"file", file.file.string()}});
  } else {
    held.status.reason = loaded.error().message;
    if (!serving) held.status.state = VersionState::kUnavailable;
    log_.error("onnx", "model_not_loaded",
               {{"model", spec_.name},
                {"version", version},
                {"reason", held.status.reason},
                {"still_serving", serving}});
  }
  const bool ready = held.status.state == VersionState::kReady;
  set(version, std::move(held));
  return ready;
}

void ModelRepository::set(VersionNumber version, Held held) {
  const std::scoped_lock lock(mutex_);
  versions_[version] = std::move(held);
}

void ModelRepository::drop_all_but(const std::vector<VersionNumber>& kept) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(versions_,
                [&](const auto& entry) { return !std::ranges::contains(kept, entry.first); });
}

void ModelRepository::report() {
  auto now = versions();
  if (now == reported_) return;
  reported_ = now;
  changed_(now);
}

void ModelRepository::poll() {
  if (polling_.exchange(true)) return;
  Task task = [self = shared_from_this()] {
    self->polling_.store(false);
    static_cast<void>(self->refresh());  // each failure is in the log and the status
  };
  if (!loader_.submit(task)) polling_.store(false);
}

void ModelRepository::poll_every(Executor& home, Duration interval) {
  poll();
  home.run_at(home.now() + interval, [weak = weak_from_this(), &home, interval] {
    if (const auto self = weak.lock()) self->poll_every(home, interval);
  });
}

void ModelRepository::hand_over(Task task, Done done) {
  if (!loader_.submit(task)) {
    done(fail(Error{ErrorCode::kExhausted, "too many models wait to be loaded",
                    std::chrono::milliseconds(1000)}));
  }
}

void ModelRepository::load(Done done) {
  hand_over(
      [self = shared_from_this(), done] {
        Result<> result;
        {
          const std::scoped_lock working(self->working_);
          self->wanted_ = true;
          result = self->refresh_holding(true);
        }
        done(std::move(result));
      },
      done);
}

void ModelRepository::unload(Done done) {
  hand_over(
      [self = shared_from_this(), done] {
        {
          const std::scoped_lock working(self->working_);
          self->wanted_ = false;
          {
            const std::scoped_lock lock(self->mutex_);
            for (auto& [version, held] : self->versions_) {
              held = {{version, VersionState::kUnavailable, "it was unloaded", nullptr}, {}};
            }
          }
          self->report();
        }
        done({});
      },
      done);
}

std::vector<VersionStatus> ModelRepository::versions() const {
  const std::scoped_lock lock(mutex_);
  std::vector<VersionStatus> all;
  all.reserve(versions_.size());
  for (const auto& [version, held] : versions_) all.push_back(held.status);
  return all;
}

}  // namespace sluice::onnx
