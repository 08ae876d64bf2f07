#include "app/models.h"

namespace sluice::app {

gateway::ModelSpec Models::make_onnx(const std::string& name, const OnnxModelOptions& options) {
  gateway::ModelSpec spec{.name = name};
  auto model = onnx_.load({.name = name, .file = options.path}, options);
  if (model) {
    spec.versions.push_back({"1", gateway::VersionState::kReady, {}, std::move(*model)});
  } else {
    log_.error("models", "model_load_failed", {{"model", name}, {"error", model.error().message}});
    spec.versions.push_back(
        {"1", gateway::VersionState::kUnavailable, model.error().message, nullptr});
  }
  return spec;
}

gateway::EnsembleSpec Models::make_ensemble(const std::string& name,
                                            const EnsembleOptions& options) {
  gateway::EnsembleSpec spec{.name = name};
  for (const auto& [member, member_options] : options.members) {
    spec.members.push_back({member, member_options.target, member_options.weight});
  }
  spec.options = {options.deadline, options.quorum, options.merge};
  return spec;
}

std::vector<gateway::CallableSpec> Models::make(const Options& options) {
  std::vector<gateway::CallableSpec> specs;
  for (const auto& [name, callable] : options.callables) {
    if (const auto* ensemble = std::get_if<EnsembleOptions>(&callable.what)) {
      specs.emplace_back(make_ensemble(name, *ensemble));
    } else if (const auto* model = std::get_if<ModelOptions>(&callable.what)) {
      std::visit([&, &name = name](const auto& o) { specs.emplace_back(make_onnx(name, o)); },
                 model->backend);
    }
  }
  return specs;
}

}  // namespace sluice::app
