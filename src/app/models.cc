#include "app/models.h"

#include <atomic>
#include <mutex>
#include <type_traits>
#include <utility>

#include "app/model_slots.h"
#include "backends/http_predict/http_predict.h"
#include "backends/llama/model.h"
#include "backends/ollama/ollama.h"
#include "backends/onnx/repository.h"
#include "backends/openai/openai.h"
#include "backends/simulated/simulated.h"
#include "backends/tensorflow_serving/watch.h"
#include "base/format.h"
#include "config/config.h"
#include "scheduling/scheduled_callable.h"

namespace sluice::app {

namespace {

constexpr Duration kForGood{-1};  // of a language model in memory

std::vector<gateway::Version> to_versions(const std::vector<onnx::VersionStatus>& statuses) {
  std::vector<gateway::Version> versions;
  for (const onnx::VersionStatus& status : statuses) {
    gateway::VersionState state = gateway::VersionState::kUnavailable;
    if (status.state == onnx::VersionState::kReady) state = gateway::VersionState::kReady;
    if (status.state == onnx::VersionState::kLoading) state = gateway::VersionState::kLoading;
    versions.push_back({std::to_string(status.version), state, status.reason, status.callable});
  }
  return versions;
}

std::vector<gateway::Version> to_versions(const tensorflow_serving::Finding& finding) {
  using gateway::VersionState;
  const auto state =
      finding.callable == nullptr ? VersionState::kUnavailable : VersionState::kReady;
  return {{finding.version, state, finding.reason, finding.callable}};
}

std::string_view key_of(http::TlsFault::File file) {
  switch (file) {
    case http::TlsFault::File::kCertificate:
      return "certificate";
    case http::TlsFault::File::kKey:
      return "key";
    case http::TlsFault::File::kAuthority:
      break;
  }
  return "ca";
}

// What tells whether a model is still the one that was made. The printed form hides a key.
std::string signature_of(ModelOptions model, double best_effort_share) {
  model.slots.reset();  // they are before it, and can change alone
  auto* llama = std::get_if<llama::LlamaOptions>(&model.backend);
  if (llama != nullptr) llama->keep_alive.reset();
  std::string signature = config::to_yaml(model);
  if (llama != nullptr && llama::shares_context(*llama)) {
    signature += std::to_string(best_effort_share);  // its engine gives it
  }
  if (const auto* wire = wire_options(model); wire != nullptr && wire->api_key) {
    signature += wire->api_key->reveal();
  }
  return signature;
}

// Why a model could not be made, at the file that is at fault if it is one.
void add_unmade(const CallableOptions& callable, const Error& error, config::Problems& problems) {
  const config::Node at = callable.where.near("model");
  std::vector<http::TlsFault> faults;
  const auto& model = std::get<ModelOptions>(callable.what);
  const auto& backend = model.backend;
  if (const auto* service = std::get_if<http_predict::HttpPredictOptions>(&backend)) {
    faults = http_predict::tls_faults(*service);
  } else if (const auto* server =
                 std::get_if<tensorflow_serving::TensorflowServingOptions>(&backend)) {
    faults = tensorflow_serving::tls_faults(*server);
  } else if (const auto* wire = wire_options(model)) {
    faults = generation_wire::tls_faults(*wire);
  }
  for (const http::TlsFault& fault : faults) {
    problems.add(at.near("tls").near(key_of(fault.file)), fault.error.message);
  }
  if (faults.empty()) problems.add(at, error.message);
}

std::vector<gateway::Version> behind_slots(std::vector<gateway::Version> all,
                                           const std::shared_ptr<scheduling::Slots>& slots,
                                           const Clock& clock) {
  for (gateway::Version& version : all) {
    if (slots == nullptr || version.callable == nullptr) continue;
    version.callable =
        std::make_shared<scheduling::ScheduledCallable>(std::move(version.callable), slots, clock);
  }
  return all;
}

}  // namespace

gateway::EnsembleSpec make_ensemble(const std::string& name, const EnsembleOptions& options) {
  gateway::EnsembleSpec spec{.name = name};
  for (const auto& [member, member_options] : options.members) {
    spec.members.push_back({member, member_options.target, member_options.weight});
  }
  spec.options = {options.deadline, options.quorum, options.merge};
  return spec;
}

struct Models::Made {
  // As the gateway is to see them, of the slots that it has been given.
  [[nodiscard]] std::vector<gateway::Version> behind_slots(
      std::vector<gateway::Version> all) const {
    const std::scoped_lock lock(mutex);
    return app::behind_slots(std::move(all), slots, *clock);
  }
  // False: it has had these.
  bool take_slots(SlotsPtr now) {
    const std::scoped_lock lock(mutex);
    return std::exchange(slots, now) != now;
  }
  // Never none, so that it can be said why.
  [[nodiscard]] std::vector<gateway::Version> found() const {
    if (callable) return {{"1", gateway::VersionState::kReady, {}, callable}};
    if (watch) return to_versions(watch->finding());
    if (!repository) return {{"1", gateway::VersionState::kUnavailable, reason, nullptr}};
    auto all = to_versions(repository->versions());
    if (all.empty()) {
      all.push_back({"1", gateway::VersionState::kUnavailable,
                     reason.empty() ? "it is not loaded" : reason, nullptr});
    }
    return all;
  }

  std::string name;
  std::string reason;                                 // why it could not be loaded at first
  std::string signature;                              // the options it was made from
  std::atomic<bool> live{false};                      // the gateway is told of changes
  std::shared_ptr<onnx::ModelRepository> repository;  // of a file
  CallablePtr callable;                               // of a service
  std::shared_ptr<generation_wire::WireModel> wire;   // the same, where it is one
  std::shared_ptr<llama::HostedModel> hosted;         // the same, of a language model here
  std::shared_ptr<tensorflow_serving::Watch> watch;   // of a model of another server
  mutable std::mutex mutex;
  SlotsPtr slots;  // null: calls wait for none; guarded by mutex
  const Clock* clock = nullptr;
};

Models::~Models() = default;

Models::MadePtr Models::make_model(const std::string& name, const OnnxModelOptions& options) {
  auto made = std::make_shared<Made>();
  made->name = name;
  onnx::ModelRepository::Spec spec{name, options.path, {options.latest, options.versions}};
  auto load = [&onnx = services_.onnx,
               options](const onnx::ModelSource& source) -> Result<CallablePtr> {
    auto model = onnx.load(source, options);
    if (!model) return fail(std::move(model.error()));
    return CallablePtr(std::move(*model));
  };
  auto changed = [&gateway = services_.gateway, name,
                  weak = std::weak_ptr(made)](const std::vector<onnx::VersionStatus>& versions) {
    const auto self = weak.lock();
    if (!self || !self->live) return;
    auto now = to_versions(versions);
    if (now.empty()) {
      now.push_back({"1", gateway::VersionState::kUnavailable, "it is not loaded", nullptr});
    }
    gateway.set_versions(name, self->behind_slots(std::move(now)));
  };
  made->repository = onnx::ModelRepository::make(
      std::move(spec), std::move(load), std::move(changed), services_.loader, services_.log);
  if (const auto loaded = made->repository->refresh(); !loaded) {
    made->reason = loaded.error().message;
  }
  if (options.watch_every > Duration::zero()) {
    EventLoop& home = services_.io.any();
    home.post([&home, repository = made->repository, every = options.watch_every] {
      repository->poll_every(home, every);
    });
  }
  return made;
}

Models::MadePtr Models::make_model(const std::string& name, const llama::LlamaOptions& options,
                                   double best_effort_share) {
  auto made = std::make_shared<Made>();
  made->name = name;
  auto plan = llama::plan_model(name, options);
  if (!plan) {
    made->reason = std::move(plan.error().message);
    return made;
  }
  auto load = [name, options, services = language_services_,
               best_effort_share]() -> Result<CallablePtr> {
    auto loaded = llama::load_model(name, options, services, best_effort_share);
    if (!loaded) return fail(std::move(loaded.error()));
    return CallablePtr(std::move(*loaded));
  };
  auto hosted = services_.language_models->add({.name = name,
                                                .description = std::move(plan->description),
                                                .bytes = plan->bytes,
                                                .keep_alive = options.keep_alive.value_or(kForGood),
                                                .load = std::move(load)});
  // Now rather than for the first call, and what is broken is known of at the start.
  if (auto loaded = hosted->load_if_room(); !loaded) {
    made->reason = std::move(loaded.error().message);
    return made;
  }
  made->callable = made->hosted = std::move(hosted);
  return made;
}

Result<Models::MadePtr> Models::make_model(const std::string& name,
                                           const http_predict::HttpPredictOptions& options) {
  auto service = http_predict::HttpPredict::make(name, options, services_.io, services_.resolver,
                                                 &services_.instruments);
  if (!service) return fail(std::move(service.error()));
  auto made = std::make_shared<Made>();
  made->name = name;
  made->callable = std::move(*service);
  return made;
}

// The server is asked only from commit() on: it may be this very process, which answers then.
Result<Models::MadePtr> Models::make_model(
    const std::string& name, const tensorflow_serving::TensorflowServingOptions& options) {
  auto made = std::make_shared<Made>();
  made->name = name;
  auto changed = [&gateway = services_.gateway, name,
                  weak = std::weak_ptr(made)](const tensorflow_serving::Finding& finding) {
    const auto self = weak.lock();
    if (self && self->live) gateway.set_versions(name, self->behind_slots(to_versions(finding)));
  };
  auto watch = tensorflow_serving::Watch::make(name, options, services_.rpc, services_.io.any(),
                                               std::move(changed));
  if (!watch) return fail(std::move(watch.error()));
  made->watch = std::move(*watch);
  return made;
}

Models::MadePtr Models::made_of(const std::string& name,
                                std::shared_ptr<generation_wire::WireModel> model) {
  auto made = std::make_shared<Made>();
  made->name = name;
  made->callable = made->wire = std::move(model);
  return made;
}

Result<Models::MadePtr> Models::make_model(const std::string& name,
                                           const openai::OpenAiOptions& options) {
  return openai::make_model(name, options, services_.io, services_.resolver, &services_.instruments)
      .transform([&](auto model) { return made_of(name, std::move(model)); });
}

Result<Models::MadePtr> Models::make_model(const std::string& name,
                                           const ollama::OllamaOptions& options) {
  return ollama::make_model(name, options, services_.io, services_.resolver, &services_.instruments)
      .transform([&](auto model) { return made_of(name, std::move(model)); });
}

Result<Models::MadePtr> Models::make_model(const std::string& name,
                                           const simulated::SimulatedOptions& options) {
  auto made = std::make_shared<Made>();
  made->name = name;
  made->callable = std::make_shared<simulated::Simulated>(name, options);
  return made;
}

gateway::ModelSpec Models::spec_of(const Entry& entry) const {
  const MadePtr& made = entry.made;
  gateway::ModelSpec spec{.name = made->name,
                          .versions = behind_slots(made->found(), entry.slots, services_.clock)};
  if (!made->repository) return spec;
  spec.load = [repository = made->repository](auto done) { repository->load(std::move(done)); };
  spec.unload = [repository = made->repository](auto done) { repository->unload(std::move(done)); };
  return spec;
}

Result<std::vector<gateway::CallableSpec>> Models::make(const Options& options) {
  config::Problems problems;
  auto specs = make_all(options, problems);
  if (!problems.empty()) return fail(problems.to_error());
  return specs;
}

void Models::try_out(const Options& options, config::Problems& problems) {
  for (const gateway::CallableSpec& spec : make_all(options, problems)) {
    const auto* model = std::get_if<gateway::ModelSpec>(&spec);
    if (model == nullptr) continue;
    const CallableOptions& callable = *options.callables.find(model->name);
    // Another server may be away: nothing is wrong with a configuration for that.
    const auto& backend = std::get<ModelOptions>(callable.what).backend;
    if (!std::holds_alternative<OnnxModelOptions>(backend) &&
        !std::holds_alternative<llama::LlamaOptions>(backend)) {
      continue;
    }
    const config::Node at = callable.where.near("model").near("path");
    for (const gateway::Version& version : model->versions) {
      if (version.state == gateway::VersionState::kReady) continue;
      problems.add(at, model->versions.size() == 1
                           ? version.reason
                           : formatted("version {}: {}", version.version, version.reason));
    }
  }
  discard();
}

std::vector<gateway::CallableSpec> Models::make_all(const Options& options,
                                                    config::Problems& problems) {
  next_.clear();
  std::vector<gateway::CallableSpec> specs;
  for (const auto& [name, callable] : options.callables) {
    if (const auto* ensemble = std::get_if<EnsembleOptions>(&callable.what)) {
      specs.emplace_back(make_ensemble(name, *ensemble));
      continue;
    }
    if (const auto* external = std::get_if<ExternalOptions>(&callable.what)) {
      specs.emplace_back(gateway::ExternalSpec{name, external->description});
      continue;
    }
    const auto& model = std::get<ModelOptions>(callable.what);
    const double share = best_effort_share_of(model, options.classes);
    const std::string signature = signature_of(model, share);
    const auto known = current_.find(name);
    const Entry* old = known == current_.end() ? nullptr : &known->second;
    Result<MadePtr> made;
    if (old != nullptr && old->made->signature == signature) {
      made = old->made;
    } else {
      made = std::visit(
          [&]<class Backend>(const Backend& backend) -> Result<MadePtr> {
            if constexpr (std::is_same_v<Backend, llama::LlamaOptions>) {
              return make_model(name, backend, share);
            } else {
              return make_model(name, backend);
            }
          },
          model.backend);
      if (!made) {
        add_unmade(callable, made.error(), problems);
        continue;
      }
      (*made)->signature = signature;
      (*made)->clock = &services_.clock;
    }
    Entry entry{.made = std::move(*made)};
    check_slots(model, entry.made->callable.get(), problems);
    if (const auto* llama = std::get_if<llama::LlamaOptions>(&model.backend)) {
      entry.keep_alive = llama->keep_alive.value_or(kForGood);
    }
    give_slots(entry, slots_of(model, options.classes, entry.made->callable.get()), old);
    specs.emplace_back(spec_of(entry));
    next_.emplace(name, std::move(entry));
  }
  return specs;
}

void Models::give_slots(Entry& entry, const std::optional<scheduling::SlotOptions>& options,
                        const Entry* old) const {
  if (!options) return;
  entry.slots_signature = config::to_yaml(*options);
  // The same slots stay, with who holds them and who waits.
  if (old != nullptr && old->made == entry.made && old->slots_signature == entry.slots_signature) {
    entry.slots = old->slots;
    return;
  }
  entry.slots = scheduling::Slots::make(
      *options, entry.made->name,
      {services_.io.any(), services_.clock, &services_.metrics, &services_.log});
}

void Models::commit() {
  current_ = std::exchange(next_, {});
  for (const auto& [name, entry] : current_) {
    const MadePtr& made = entry.made;
    if (made->hosted) made->hosted->set_keep_alive(entry.keep_alive);
    if (made->take_slots(entry.slots) && made->live) {
      // Versions that came since make() stand behind the old ones.
      services_.gateway.set_versions(name, made->behind_slots(made->found()));
    }
    // Engines are asked from now on only: one may be this very process.
    if (made->wire && !made->live.exchange(true)) made->wire->watch_engines();
    if (made->callable || !(made->watch || made->repository) || made->live.exchange(true)) continue;
    if (made->watch) made->watch->start();
    // A change between make() and now went unheard.
    services_.gateway.set_versions(name, made->behind_slots(made->found()));
  }
}

void Models::discard() {
  next_.clear();
}

}  // namespace sluice::app
