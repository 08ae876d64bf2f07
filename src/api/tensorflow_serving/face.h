// What REST and gRPC have in common: which callables are seen, and what is said of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/mount.h"
#include "http/exchange.h"
#include "telemetry/request_metrics.h"

namespace sluice::api::tensorflow_serving {

// The one signature that a callable has.
inline constexpr std::string_view kServingDefault = "serving_default";
inline constexpr std::string_view kPredictMethod = "tensorflow/serving/predict";
// The one part of the metadata that there is.
inline constexpr std::string_view kSignatureDef = "signature_def";

// Longest name of a model, a label, an input or an output, in bytes: all can come back in messages.
inline constexpr std::size_t kMaxNameBytes = 256;
// How many inputs, and how many filtered outputs, one request may have.
inline constexpr std::size_t kMaxTensors = 1024;

// The ModelSpec of a request. Without version and label: the latest version that is ready.
struct ModelChoice {
  std::string_view model;
  std::optional<std::int64_t> version{};
  std::string_view label{};
};

struct VersionStatus {
  enum class State : std::uint8_t { kLoading = 20, kAvailable = 30, kEnd = 50 };
  std::int64_t version = 0;
  State state = State::kAvailable;
  int error_code = 0;  // google.rpc.Code
  std::string error_message;
};
std::string_view to_string(VersionStatus::State state);  // "AVAILABLE"

// One mount as one thread sees it; on that thread only.
class Face {
 public:
  Face(std::string_view api, const gateway::Mount& mount);

  // As Registry::find(), but only what this mount serves. Callables have no labels, so one that is
  // asked for is kInvalid.
  [[nodiscard]] Result<const CallablePtr*> find(const ModelChoice& choice) const;
  // Of the version that was chosen, or of all, in ascending order; at least one. What is there and
  // would not take a call now is kEnd with the reason. kNotFound for what is not there.
  [[nodiscard]] Result<std::vector<VersionStatus>> status(const ModelChoice& choice) const;

  // For metrics and the log: of a callable that exists, so that there are never more of them than
  // callables. Empty: of what names none.
  const http::ExchangeLabels& labels(std::string_view callable);

  [[nodiscard]] const gateway::Mount& mount() const { return mount_; }

 private:
  struct Labels {
    telemetry::RequestMetrics metrics;
    http::ExchangeLabels labels;
  };
  // The name and label can be those of something that is served here.
  [[nodiscard]] Result<> check(const ModelChoice& choice) const;

  std::string api_;
  gateway::Mount mount_;
  std::map<std::string, Labels, std::less<>> labels_;
};

// The number of a version; 0 for one that is called otherwise, as the protocol knows only numbers.
std::int64_t version_number(std::string_view version);

// `signature` is what a request asks for; empty: kServingDefault. kInvalid for another one.
Result<> check_signature(std::string_view signature);
// `what` is "an input", "an output", ...
Result<> check_name(std::string_view what, std::string_view name);

}  // namespace sluice::api::tensorflow_serving
