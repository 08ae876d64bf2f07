#include "gateway/gateway.h"

#include <algorithm>
#include <format>
#include <map>
#include <set>

namespace sluice::gateway {

namespace {

const std::string& name_of(const CallableSpec& spec) {
  return std::visit([](const auto& s) -> const std::string& { return s.name; }, spec);
}

// Makes the ensembles of one registry, those that others stand on first.
class Builder {
 public:
  Builder(const std::vector<CallableSpec>& specs, const Clock& clock,
          telemetry::Instruments& instruments)
      : specs_(specs), clock_(clock), instruments_(instruments) {}

  Result<RegistryPtr> build() {
    std::vector<Entry> entries;
    for (const CallableSpec& spec : specs_) {
      if (const auto* model = std::get_if<ModelSpec>(&spec)) {
        entries.push_back({model->name, CallableKind::kModel, model->versions});
        continue;
      }
      const auto made = make(name_of(spec));
      if (!made) return fail(made.error());
      entries.push_back({name_of(spec),
                         CallableKind::kEnsemble,
                         {{"1", VersionState::kReady, {}, made->callable}}});
    }
    return std::make_shared<const Registry>(std::move(entries));
  }

 private:
  struct Made {
    CallablePtr callable;
    std::size_t levels = 0;  // of ensembles, itself included
  };

  Result<Made> make(const std::string& name) {
    const auto it = std::ranges::find(specs_, name, name_of);
    if (it == specs_.end()) {
      return Made{
          std::make_shared<UnavailableCallable>(name, std::format("there is no '{}'", name))};
    }
    if (const auto* model = std::get_if<ModelSpec>(&*it)) return Made{latest(*model)};
    if (const auto done = ensembles_.find(name); done != ensembles_.end()) return done->second;
    if (!under_way_.insert(name).second) {
      return fail(invalid(std::format("ensemble '{}' contains itself", name)));
    }
    const auto& spec = std::get<EnsembleSpec>(*it);
    std::vector<EnsembleMember> members;
    std::size_t levels = 1;
    for (const EnsembleSpec::Member& member : spec.members) {
      auto target = make(member.target);
      if (!target) return target;
      levels = std::max(levels, target->levels + 1);
      members.push_back({member.name, std::move(target->callable), member.weight,
                         instruments_.member(spec.name, member.name)});
    }
    under_way_.erase(name);
    if (levels > kMaxCallDepth) {
      return fail(invalid(std::format("'{}' stands on {} ensembles, one on the other; {} at most",
                                      name, levels - 1, kMaxCallDepth - 1)));
    }
    return ensembles_[name] = {
               std::make_shared<Ensemble>(spec.name, std::move(members), spec.options, clock_),
               levels};
  }

  static CallablePtr latest(const ModelSpec& model) {
    const Entry entry{model.name, CallableKind::kModel, model.versions};
    if (const Version* version = entry.latest()) return version->callable;
    const std::string reason =
        entry.versions.empty() ? "it is not loaded" : entry.versions.back().reason;
    return std::make_shared<UnavailableCallable>(
        model.name, std::format("model '{}' is not ready: {}", model.name, reason));
  }

  const std::vector<CallableSpec>& specs_;
  const Clock& clock_;
  telemetry::Instruments& instruments_;
  std::map<std::string, Made> ensembles_;
  std::set<std::string> under_way_;
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
  const std::scoped_lock lock(mutex_);
  std::swap(specs_, specs);
  auto registry = build();
  if (!registry) {
    specs_ = std::move(specs);
    return fail(registry.error());
  }
  publish(std::move(*registry));
  return {};
}

Result<> Gateway::check(const std::vector<CallableSpec>& specs) const {
  if (auto registry = Builder(specs, clock_, instruments_).build(); !registry) {
    return fail(registry.error());
  }
  return {};
}

void Gateway::set_versions(std::string_view model, std::vector<Version> versions) {
  const std::scoped_lock lock(mutex_);
  const auto it = std::ranges::find(specs_, model, name_of);
  auto* spec = it == specs_.end() ? nullptr : std::get_if<ModelSpec>(&*it);
  if (spec == nullptr) return;
  spec->versions = std::move(versions);
  // The ensembles were made before from the same names, so this cannot fail.
  if (auto registry = build()) publish(std::move(*registry));
}

Result<RegistryPtr> Gateway::build() const {
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
  Error why = not_found(std::format("there is no model '{}'", name));
  {
    const std::scoped_lock lock(mutex_);
    const auto it = std::ranges::find(specs_, name, name_of);
    if (it != specs_.end()) {
      if (const auto* model = std::get_if<ModelSpec>(&*it)) act = model->*what;
      why = invalid(std::format("'{}' cannot be loaded or unloaded", name));
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
