// One configured model with its versions: what is loaded, what is not and why, and what changes
// when its files do.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/onnx/model_folder.h"
#include "backends/onnx/runtime.h"
#include "runtime/compute_pool.h"
#include "runtime/executor.h"
#include "telemetry/log.h"

namespace sluice::onnx {

enum class VersionState : std::uint8_t { kLoading, kReady, kUnavailable };
std::string_view to_string(VersionState state);  // "LOADING", "READY", "UNAVAILABLE"

struct VersionStatus {
  VersionNumber version = kOnlyVersion;
  VersionState state = VersionState::kUnavailable;
  // Why it is not ready; of one that is ready: why its newer file is not the one that serves.
  std::string reason;
  CallablePtr callable;  // null unless ready

  bool operator==(const VersionStatus&) const = default;
};

// Which versions of a folder are served.
struct VersionPolicy {
  // The highest this many that can be loaded: one that cannot is passed over.
  std::size_t latest = 1;
  std::vector<VersionNumber> only;  // where not empty: these, and `latest` is ignored

  static VersionPolicy all() { return {std::numeric_limits<std::size_t>::max(), {}}; }
  static VersionPolicy specific(std::vector<VersionNumber> versions) {
    return {std::numeric_limits<std::size_t>::max(), std::move(versions)};
  }
};

// Made by app/, one for each configured model. Any thread may call anything. Files are looked at
// and models loaded by refresh(), on the thread that calls it, one refresh at a time; poll(),
// load() and unload() hand that to the loader, a pool of its own so that no inference waits behind
// a load.
//
// A changed file is loaded and warmed up beside the one that serves, then takes its place; calls
// under way finish on the old one, which they share. Where the new file cannot be loaded the old
// content goes on serving, and the reason is in the status and the log; the same file is not tried
// again until it changes or load() is called.
class ModelRepository : public std::enable_shared_from_this<ModelRepository> {
 public:
  struct Spec {
    std::string name;
    std::filesystem::path path;  // a file, or a folder of versions
    VersionPolicy policy;
  };
  // Reads one file; may take long. OnnxRuntime::load, in life.
  using Load = std::function<Result<CallablePtr>(const ModelSource&)>;
  // All versions in ascending order, whenever something changed in them. Called on the thread of
  // the refresh, never two at once; must not call the repository.
  using Changed = std::function<void(const std::vector<VersionStatus>&)>;
  using Done = std::function<void(Result<>)>;

  // `loader` and `log` must outlive it.
  static std::shared_ptr<ModelRepository> make(Spec spec, Load load, Changed changed,
                                               ComputePool& loader, telemetry::Log& log);

  // Brings what is loaded in line with what lies on disk. An error when afterwards nothing is
  // ready. Does nothing while unloaded.
  Result<> refresh();
  // The same on the loader; does nothing while one is on its way already.
  void poll();
  // poll() now and then every `interval`, for as long as the repository lives. On `home`'s thread.
  void poll_every(Executor& home, Duration interval);

  // Loads (again what failed before), respectively drops all versions. `done` is called on the
  // loader's thread, or at once where the loader's queue is full.
  void load(Done done);
  void unload(Done done);

  [[nodiscard]] std::vector<VersionStatus> versions() const;
  [[nodiscard]] const std::string& name() const { return spec_.name; }

 private:
  struct Held {
    VersionStatus status;
    FileStamp tried;  // the content that was last loaded, with or without success
  };
  using Versions = std::map<VersionNumber, Held>;

  ModelRepository(Spec spec, Load load, Changed changed, ComputePool& loader, telemetry::Log& log);
  Result<> refresh_holding(bool again);  // working_ held
  // True when the version is ready afterwards.
  bool bring_up(VersionNumber version, const VersionFile& file, bool again);
  void drop_all_but(const std::vector<VersionNumber>& kept);
  void set(VersionNumber version, Held held);
  void report();
  void hand_over(Task task, Done done);

  const Spec spec_;
  const Load load_;
  const Changed changed_;
  ComputePool& loader_;
  telemetry::Log& log_;
  std::atomic<bool> polling_ = false;

  std::mutex working_;          // held throughout a refresh or unload
  bool wanted_ = true;          // guarded by working_
  bool files_missing_ = false;  // and it has been said; guarded by working_

  mutable std::mutex mutex_;
  Versions versions_;                    // guarded by mutex_, written only with working_ held
  std::vector<VersionStatus> reported_;  // guarded by working_
};

}  // namespace sluice::onnx
