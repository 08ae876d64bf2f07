#include "gateway/gateway.h"

#include <algorithm>
#include <map>

#include "base/format.h"
#include "gateway/external.h"
#include "gateway/nesting.h"

namespace sluice::gateway {

namespace {

const std::string& name_of(const CallableSpec& spec) {
  return std::visit([](const auto& s) -> const std::string& { return s.name; }, spec);
}

// Makes the ensembles of one registry, those that others stand on first. None contains itself:
// check() has looked.
class Builder {
 public:
  Builder(const std::vector<CallableSpec>& specs, const Clock& clock,
          telemetry::Instruments& instruments)
      : specs_(specs), clock_(clock), instruments_(instruments) {}

  RegistryPtr build() {
    std::vector<Entry> entries;
    for (const CallableSpec& spec : specs_) {
      if (const auto* model = std::get_if<ModelSpec>(&spec)) {
        entries.push_back({model->name, CallableKind::kModel, model->versions});
        continue;
      }
      if (const auto* external = std::get_if<ExternalSpec>(&spec)) {
        entries.push_back({external->name,
                           CallableKind::kExternal,
                           {{"1", VersionState::kReady, {}, make_external(*external)}}});
        continue;
      }
      entries.push_back({name_of(spec),
                         CallableKind::kEnsemble,
                         {{"1", VersionState::kReady, {}, make(name_of(spec))}}});
    }
    return std::make_shared<const Registry>(std::move(entries));
  }

 private:
  CallablePtr make(const std::string& name) {
    const auto it = std::ranges::find(specs_, name, name_of);
    if (it == specs_.end()) {
      return std::make_shared<UnavailableCallable>(name, formatted("there is no '{}'", name));
    }
    if (const auto* model = std::get_if<ModelSpec>(&*it)) return latest(*model);
    if (const auto* external = std::get_if<ExternalSpec>(&*it)) return make_external(*external);
    if (const auto done = ensembles_.find(name); done != ensembles_.end()) return done->second;
    const auto& spec = std::get<EnsembleSpec>(*it);
    std::vector<EnsembleMember> members;
    members.reserve(spec.members.size());
    for (const EnsembleSpec::Member& member : spec.members) {
      members.push_back({member.name, make(member.target), member.weight,
                         instruments_.member(spec.name, member.name)});
    }
    return ensembles_[name] =
               std::make_shared<Ensemble>(spec.name, std::move(members), spec.options, clock_);
  }

  static CallablePtr make_external(const ExternalSpec& spec) {
    return std::make_shared<ExternalCallable>(spec.name, spec.about);
  }
  static CallablePtr latest(const ModelSpec& model) {
    const Entry entry{model.name, CallableKind::kModel, model.versions};
    if (const Version* version = entry.latest()) return version->callable;
    const std::string reason =
        entry.versions.empty() ? "it is not loaded" : entry.versions.back().reason;
    return std::make_shared<UnavailableCallable>(
        model.name, formatted("model '{}' is not ready: {}", model.name, reason));
  }

  const std::vector<CallableSpec>& specs_;
  const Clock& clock_;
  telemetry::Instruments& instruments_;
  std::map<std::string, CallablePtr> ensembles_;
};

}  // namespace

Gateway::Gateway(const Clock& clock, telemetry::Instruments& instruments)
    : clock_(clock), instruments_(instruments), registry_(std::make_shared<const Registry>()) {}
Gateway::~Gateway() = default;

LocalGateway& Gateway::add_home(Executor& home) {
  const std::scoped_lock lock(mutex_);
  locals_.push_back(std::make_shared<LocalGateway>(home));
  locals_.back()->registry_ = own_share();
  return *locals_.back();
}

void Gateway::remove_home(LocalGateway& local) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(locals_, [&](const auto& known) { return known.get() == &local; });
}

Result<> Gateway::configure(std::vector<CallableSpec> specs) {
  if (auto ok = check(specs); !ok) return ok;
  const std::scoped_lock lock(mutex_);
  specs_ = std::move(specs);
  publish(build());
  return {};
}

Result<> Gateway::check(const std::vector<CallableSpec>& specs) {
  std::vector<EnsembleSpec> ensembles;
  for (const CallableSpec& spec : specs) {
    if (const auto* ensemble = std::get_if<EnsembleSpec>(&spec)) ensembles.push_back(*ensemble);
  }
  if (const auto faults = nesting_faults(ensembles); !faults.empty()) {
    return fail(invalid(faults[0].message));
  }
  return {};
}

void Gateway::set_versions(std::string_view model, std::vector<Version> versions) {
  const std::scoped_lock lock(mutex_);
  const auto it = std::ranges::find(specs_, model, name_of);
  auto* spec = it == specs_.end() ? nullptr : std::get_if<ModelSpec>(&*it);
  if (spec == nullptr) return;
  spec->versions = std::move(versions);
  publish(build());
}

RegistryPtr Gateway::build() const {
  return Builder(specs_, clock_, instruments_).build();
}

void Gateway::publish(RegistryPtr registry) {
  registry_ = std::move(registry);
  for (const auto& local : locals_) {
    local->home_->post([local, own = own_share()] { local->registry_ = own; });
  }
}

// With a count of its own for each thread: one that keeps a share must not move a cache line
// between cores.
RegistryPtr Gateway::own_share() const {
  return {registry_.get(), [keep = registry_](const Registry*) {}};
}

RegistryPtr Gateway::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return registry_;
}

bool Gateway::ready() const {
  if (!accepting_.load()) return false;
  const RegistryPtr registry = snapshot();
  return registry->entries().empty() ||
         std::ranges::any_of(registry->entries(), [](const Entry& entry) {
           const Version* version = entry.latest();
           return version != nullptr && version->callable->ready().has_value();
         });
}

void Gateway::administer(std::string_view name,
                         std::function<void(ModelSpec::Done)> ModelSpec::* what,
                         ModelSpec::Done done) {
  std::function<void(ModelSpec::Done)> act;
  Error why = not_found(formatted("there is no model '{}'", name));
  {
    const std::scoped_lock lock(mutex_);
    const auto it = std::ranges::find(specs_, name, name_of);
    if (it != specs_.end()) {
      if (const auto* model = std::get_if<ModelSpec>(&*it)) act = model->*what;
      why = invalid(formatted("'{}' cannot be loaded or unloaded", name));
    }
  }
  if (act) {
    act(std::move(done));
  } else {
    done(fail(std::move(why)));
  }
}

void Gateway::load(std::string_view name, ModelSpec::Done done) {
  administer(name, &ModelSpec::load, std::move(done));
}
void Gateway::unload(std::string_view name, ModelSpec::Done done) {
  administer(name, &ModelSpec::unload, std::move(done));
}

}  // namespace sluice::gateway
