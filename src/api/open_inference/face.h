// What REST and gRPC have in common: which callables are seen, what is said of them, who may load
// them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/open_inference/open_inference.h"
#include "gateway/mount.h"
#include "http/exchange.h"
#include "telemetry/request_metrics.h"

namespace sluice::api::open_inference {

// What this server speaks beyond the protocol's core.
inline constexpr std::string_view kExtensions[] = {"model_repository", "binary_tensor_data",
                                                   "parameters", "sluice_errors"};
inline constexpr std::string_view kServerName = "sluice";

// One version of a callable in the repository's index.
struct IndexRow {
  std::string name;
  std::string version;
  std::string_view state;  // "READY", "LOADING", "UNAVAILABLE"
  std::string reason;
};

// Metadata of a callable: the description of one version, and which versions there are.
struct ModelFacts {
  const Description* description;  // as long as the registry of this turn
  std::vector<std::string> versions;
};

// One mount as one thread sees it; on that thread only.
class Face {
 public:
  Face(std::string_view api, const gateway::Mount& mount, OpenInferenceOptions options);

  // As Registry::find(), but only what this mount serves.
  [[nodiscard]] Result<const CallablePtr*> find(std::string_view name,
                                                std::string_view version) const;
  // Would it take a call now?
  [[nodiscard]] Result<> ready(std::string_view name, std::string_view version) const;
  [[nodiscard]] Result<ModelFacts> facts(std::string_view name, std::string_view version) const;
  // What the caller may call.
  [[nodiscard]] std::vector<IndexRow> index(bool ready_only, const Principal* caller) const;

  // Loads or unloads, for a caller with the scope for it or with the mount's own key. `done` comes
  // once, on the home thread, later.
  using Done = std::move_only_function<void(Result<>)>;
  enum class Change : std::uint8_t { kLoad, kUnload };
  void change(Change what, std::string_view name, const Principal* caller, std::string_view key,
              Executor& home, Done done);

  // For metrics and the log: of a callable that exists, so that there are never more of them than
  // callables. Empty: of what names none.
  const http::ExchangeLabels& labels(std::string_view callable);

  [[nodiscard]] const gateway::Mount& mount() const { return mount_; }
  [[nodiscard]] const OpenInferenceOptions& options() const { return options_; }

 private:
  struct Labels {
    telemetry::RequestMetrics metrics;
    http::ExchangeLabels labels;
  };
  [[nodiscard]] bool serves(std::string_view name) const {
    return mount_.target.empty() || mount_.target == name;
  }

  std::string api_;
  gateway::Mount mount_;
  OpenInferenceOptions options_;
  std::map<std::string, Labels, std::less<>> labels_;
};

}  // namespace sluice::api::open_inference
