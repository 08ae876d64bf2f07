#include "api/generation/face.h"

namespace sluice::api::generation {

namespace {
constexpr std::string_view kLatest = ":latest";
}  // namespace

bool makes_text(const Description& description) {
  return description.takes == RequestKind::kGenerate || description.takes == RequestKind::kEmbed;
}

std::optional<bool> says(const Description& description, std::string_view property) {
  const auto found = description.properties.find(property);
  if (found == description.properties.end()) return std::nullopt;
  const bool* said = std::get_if<bool>(&found->second);
  return said == nullptr ? std::nullopt : std::optional(*said);
}

std::string_view without_latest(std::string_view model) {
  if (model.ends_with(kLatest)) model.remove_suffix(kLatest.size());
  return model;
}

Result<const CallablePtr*> Face::find(std::string_view model, std::optional<RequestKind> kind,
                                      const Principal* principal) const {
  const gateway::Registry& registry = mount_.local.registry();
  if (model.empty() && !mount_.target.empty()) model = mount_.target;
  if (model.empty()) {
    for (const Callable* callable : served(principal)) {
      if (kind && callable->describe().takes != *kind) continue;
      if (!model.empty()) return fail(invalid("which model? Say its name in 'model'"));
      model = callable->describe().name;
    }
    if (model.empty()) return fail(not_found("there is no model here that takes this"));
  }
  if (registry.entry(model) == nullptr) model = without_latest(model);
  // Before anything that would tell what there is.
  if (auto may = check_callable(principal, model); !may) return fail(may.error());
  auto found = registry.find(model);
  if (!found && found.error().code == ErrorCode::kNotFound) {
    return fail(no_model(model));
  }
  if (!found) return found;
  const Description& description = (**found)->describe();
  if (!kind) return makes_text(description) ? found : fail(no_model(model));
  if (auto takes = check_kind(description, *kind); !takes) return fail(std::move(takes.error()));
  return found;
}

std::vector<const Callable*> Face::served(const Principal* principal) const {
  std::vector<const Callable*> all;
  for (const gateway::Entry& entry : mount_.local.registry().entries()) {
    const gateway::Version* latest = entry.latest();
    if (latest == nullptr || latest->callable == nullptr) continue;
    if (!makes_text(latest->callable->describe())) continue;
    if (principal != nullptr && !check_callable(principal, entry.name)) continue;
    all.push_back(latest->callable.get());
  }
  return all;
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

}  // namespace sluice::api::generation
