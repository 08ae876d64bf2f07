#include "api/open_inference/face.h"

#include "api/open_inference/infer_message.h"
#include "base/format.h"
#include "base/same_secret.h"

namespace sluice::api::open_inference {

namespace {
// Names come from callers: shown as far as they can be a name.
Error unknown(std::string_view name) {
  return not_found(formatted("there is no model '{}'", name.substr(0, 100)));
}
}  // namespace

Face::Face(std::string_view api, const gateway::Mount& mount, OpenInferenceOptions options)
    : api_(api), mount_(mount), options_(std::move(options)) {}

Result<const CallablePtr*> Face::find(std::string_view name, std::string_view version) const {
  if (!serves(name) || name.size() > kMaxNameBytes) return fail(unknown(name));
  if (version.size() > kMaxNameBytes) {
    return fail(not_found(formatted("model '{}' has no such version", name)));
  }
  return mount_.local.registry().find(name, version);
}

Result<> Face::ready(std::string_view name, std::string_view version) const {
  const auto found = find(name, version);
  if (!found) return fail(found.error());
  return (**found)->ready();
}

Result<ModelFacts> Face::facts(std::string_view name, std::string_view version) const {
  const auto found = find(name, version);
  if (!found) return fail(found.error());
  ModelFacts facts{&(**found)->describe(), {}};
  if (const gateway::Entry* entry = mount_.local.registry().entry(name)) {
    for (const gateway::Version& each : entry->versions) {
      if (each.state == gateway::VersionState::kReady) facts.versions.push_back(each.version);
    }
  }
  return facts;
}

std::vector<IndexRow> Face::index(bool ready_only, const Principal* caller) const {
  std::vector<IndexRow> rows;
  for (const gateway::Entry& entry : mount_.local.registry().entries()) {
    if (!serves(entry.name) || !check_callable(caller, entry.name)) continue;
    if (entry.versions.empty() && !ready_only) {
      rows.push_back(
          {entry.name, "", to_string(gateway::VersionState::kUnavailable), "not loaded"});
    }
    for (const gateway::Version& version : entry.versions) {
      IndexRow row{entry.name, version.version, to_string(version.state), version.reason};
      if (version.callable != nullptr) {
        if (const Result<> ready = version.callable->ready(); !ready) {
          row.state = to_string(gateway::VersionState::kUnavailable);
          row.reason = ready.error().message;
        }
      }
      if (ready_only && row.state != to_string(gateway::VersionState::kReady)) continue;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

void Face::change(Change what, std::string_view name, const Principal* caller, std::string_view key,
                  Executor& home, Done done) {
  const auto refuse = [&](ErrorCode code, std::string message) {
    done(fail(code, std::move(message)));
  };
  if (!options_.administration) {
    return refuse(ErrorCode::kForbidden, "models cannot be loaded and unloaded on this listener");
  }
  const bool administrator = caller != nullptr && caller->scopes.admin;
  if (!administrator && !options_.key.empty() && !same_secret(key, options_.key)) {
    return refuse(ErrorCode::kUnauthenticated,
                  key.empty() ? "loading and unloading asks for a key in X-API-Key"
                              : "the key in X-API-Key is not the right one");
  }
  if (!serves(name) || name.size() > kMaxNameBytes)
    return refuse(ErrorCode::kNotFound, unknown(name).message);
  // Called from wherever the work was done; std::function wants to copy what it holds.
  auto shared = std::make_shared<Done>(std::move(done));
  const gateway::ModelSpec::Done report = [&home, shared](Result<> result) {
    home.post([shared, result = std::move(result)]() mutable { (*shared)(std::move(result)); });
  };
  if (what == Change::kLoad) {
    mount_.gateway.load(name, report);
  } else {
    mount_.gateway.unload(name, report);
  }
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

}  // namespace sluice::api::open_inference
