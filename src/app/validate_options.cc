// What one part of a configuration demands of another.
#include <set>
#include <string>
#include <vector>

#include "app/models.h"
#include "app/options.h"
#include "base/format.h"
#include "gateway/nesting.h"
#include "services/async_iris/codec.h"

namespace sluice::app {

namespace {

std::string unknown(const std::string& target) {
  return "there is no callable '" + target + "'";
}

std::string only_jobs(const std::string& target) {
  return "'" + target + "' is external: it takes jobs only";
}

void check_addresses(const Options& o, config::Problems& p) {
  std::set<std::string> addresses;
  for (const ListenerOptions& listener : o.listeners) {
    if (!p.were_read(listener.where, {"address"}) || listener.address.ends_with(":0")) continue;
    if (!addresses.insert(listener.address).second) {
      p.add(listener.where.near("address"),
            "another listener has this address, " + listener.address);
    }
  }
}

void check_targets_of_mounts(const Options& o, config::Problems& p) {
  for (const ListenerOptions& listener : o.listeners) {
    for (const MountOptions& mount : listener.mounts) {
      if (mount.target.empty()) continue;
      const CallableOptions* target = o.callables.find(mount.target);
      if (target == nullptr) {
        p.add(mount.where.near("target"), unknown(mount.target));
      } else if (std::holds_alternative<ExternalOptions>(target->what)) {
        p.add(mount.where.near("target"), only_jobs(mount.target));
      } else if (std::holds_alternative<horizontal::ProxyOptions>(mount.api) &&
                 std::holds_alternative<ModelOptions>(target->what)) {
        p.add(mount.where.near("target"), "a horizontal_proxy needs an ensemble as its target");
      }
    }
  }
}

void check_ensembles(const Options& o, config::Problems& p) {
  std::vector<gateway::EnsembleSpec> ensembles;
  for (const auto& [name, callable] : o.callables) {
    const auto* ensemble = std::get_if<EnsembleOptions>(&callable.what);
    if (ensemble == nullptr) continue;
    ensembles.push_back(make_ensemble(name, *ensemble));
    for (const auto& [member, options] : ensemble->members) {
      if (options.target.empty()) continue;
      const CallableOptions* target = o.callables.find(options.target);
      if (target == nullptr) {
        p.add(options.where.near("target"), unknown(options.target));
      } else if (std::holds_alternative<ExternalOptions>(target->what)) {
        p.add(options.where.near("target"), only_jobs(options.target));
      }
    }
  }
  for (gateway::NestingFault& fault : gateway::nesting_faults(ensembles)) {
    const auto& ensemble = std::get<EnsembleOptions>(o.callables.find(fault.ensemble)->what);
    p.add(ensemble.members.find(fault.member)->where.near("target"), std::move(fault.message));
  }
}

void check_jobs(const Options& o, config::Problems& p) {
  const jobs::JobsOptions& jobs = o.jobs;
  if (!p.were_read(jobs.where, {"store", "seed_queue"}) || jobs.store != jobs::StoreKind::kRedis) {
    return;
  }
  if (!o.stores.redis && p.were_read(o.where, {"stores"})) {
    p.add(jobs.where.near("store"), "which Redis? Say where it is in stores.redis");
  }
  if (!jobs.seed_queue || !p.were_read(jobs.seed_queue->where, {"callable", "format", "key"}))
    return;
  if (!o.callables.contains(jobs.seed_queue->callable)) {
    p.add(jobs.seed_queue->where.near("callable"), unknown(jobs.seed_queue->callable));
  }
  // Our own keys, and the seed's others.
  const std::string& key = jobs.seed_queue->key;
  if (key.starts_with("sluice:") || key.starts_with("job:")) {
    p.add(jobs.seed_queue->where.near("key"),
          formatted("'{}' may be the name of a key that Sluice uses for something else; choose "
                    "one that begins neither with sluice: nor with job:",
                    key));
  }
  const std::string& format = jobs.seed_queue->format;
  if (format != async_iris::kFormat && format != "infer/1") {
    p.add(jobs.seed_queue->where.near("format"), "expected async_iris/1 or infer/1, got " + format);
  }
}

void check_slots(const Options& o, config::Problems& p) {
  if (!p.were_read(o.where, {"classes"})) return;
  for (const auto& [name, callable] : o.callables) {
    const auto* model = std::get_if<ModelOptions>(&callable.what);
    if (model == nullptr || !model->slots) continue;
    scheduling::validate_classes(scheduling::with_classes(*model->slots, o.classes), p);
  }
}

// Callables that keys are for, by name.
void check_scopes(const Options& o, config::Problems& p) {
  for (const access::KeyOptions& key : o.access.keys) {
    if (!p.were_read(key.where, {"scopes"})) continue;
    const auto scopes = access::parse_scopes(key.scopes);
    if (!scopes) continue;
    for (const std::string& name : scopes->callables) {
      if (name.ends_with('*') || o.callables.contains(name)) continue;
      p.add(key.where.near("scopes"), unknown(name));
    }
  }
}

}  // namespace

void validate(const Options& o, config::Problems& p, const config::Node& at) {
  if (o.listeners.empty() && p.were_read(at, {"listeners"})) {
    p.add(at, "'listeners' is missing: nobody could call");
  }
  check_addresses(o, p);
  // Without the callables every target would be unknown.
  if (!p.were_read(at, {"callables"})) return;
  check_targets_of_mounts(o, p);
  check_ensembles(o, p);
  check_slots(o, p);
  check_scopes(o, p);
  check_jobs(o, p);
}

}  // namespace sluice::app
