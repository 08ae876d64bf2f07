#include "api/tensorflow_serving/face.h"

#include <charconv>

#include "base/format.h"
#include "rpc/status.h"

namespace sluice::api::tensorflow_serving {

namespace {
// Names come from callers: shown as far as they can be a name.
std::string_view shown(std::string_view name) {
  return name.substr(0, 100);
}

VersionStatus status_of(const gateway::Version& version) {
  using State = VersionStatus::State;
  VersionStatus status{.version = version_number(version.version)};
  Result<> ready;
  if (version.state == gateway::VersionState::kUnavailable) {
    ready = fail(unavailable(version.reason));
  } else if (version.callable != nullptr) {
    ready = version.callable->ready();
  }
  if (version.state == gateway::VersionState::kLoading) {
    status.state = State::kLoading;
  } else if (!ready) {
    status.state = State::kEnd;
    status.error_code = rpc::status_code(ready.error().code);
    status.error_message = ready.error().message;
  }
  return status;
}
}  // namespace

std::string_view to_string(VersionStatus::State state) {
  switch (state) {
    case VersionStatus::State::kLoading:
      return "LOADING";
    case VersionStatus::State::kAvailable:
      return "AVAILABLE";
    case VersionStatus::State::kEnd:
      return "END";
  }
  return "UNKNOWN";
}

Face::Face(std::string_view api, const gateway::Mount& mount) : api_(api), mount_(mount) {}

Result<> Face::check(const ModelChoice& choice) const {
  if (choice.model.empty()) return fail(invalid("the model's name is missing"));
  if (!choice.label.empty()) {
    return fail(invalid(
        formatted("model '{}' has no version label '{}': nothing here has labels, name a version",
                  shown(choice.model), shown(choice.label))));
  }
  if (choice.model.size() > kMaxNameBytes ||
      (!mount_.target.empty() && mount_.target != choice.model)) {
    return fail(not_found(formatted("there is no model '{}'", shown(choice.model))));
  }
  return {};
}

Result<const CallablePtr*> Face::find(const ModelChoice& choice) const {
  if (auto good = check(choice); !good) return fail(std::move(good.error()));
  return mount_.local.registry().find(
      choice.model, choice.version ? std::to_string(*choice.version) : std::string());
}

Result<std::vector<VersionStatus>> Face::status(const ModelChoice& choice) const {
  if (auto good = check(choice); !good) return fail(std::move(good.error()));
  std::vector<VersionStatus> statuses;
  if (const gateway::Entry* entry = mount_.local.registry().entry(choice.model)) {
    for (const gateway::Version& version : entry->versions) {
      if (choice.version && version.version != std::to_string(*choice.version)) continue;
      statuses.push_back(status_of(version));
    }
  }
  if (statuses.empty()) {
    return fail(not_found(
        choice.version
            ? formatted("model '{}' has no version {}", shown(choice.model), *choice.version)
            : formatted("there is no version of a model '{}'", shown(choice.model))));
  }
  return statuses;
}

const http::ExchangeLabels& Face::labels(std::string_view callable) {
  auto found = labels_.find(callable);
  if (found == labels_.end()) {
    found = labels_.emplace(std::string(callable), Labels{}).first;
    Labels& made = found->second;
    made.metrics = mount_.instruments.request(api_, callable.empty() ? "none" : callable);
    made.labels = {api_, found->first, &made.metrics};
  }
  return found->second.labels;
}

std::int64_t version_number(std::string_view version) {
  std::int64_t number = 0;
  const char* end = version.data() + version.size();
  const auto [stop, error] = std::from_chars(version.data(), end, number);
  return error == std::errc() && stop == end ? number : 0;
}

Result<> check_signature(std::string_view signature) {
  if (signature.empty() || signature == kServingDefault) return {};
  return fail(invalid(
      formatted("there is no signature '{}', only '{}'", shown(signature), kServingDefault)));
}

Result<> check_name(std::string_view what, std::string_view name) {
  if (name.size() <= kMaxNameBytes) return {};
  return fail(invalid(formatted("the name of {} is longer than {} bytes", what, kMaxNameBytes)));
}

}  // namespace sluice::api::tensorflow_serving
