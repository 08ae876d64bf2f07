#include "app/instance.h"

#include <algorithm>

#include "access/keyring.h"
#include "app/grpc_listeners.h"
#include "app/job_system.h"
#include "app/models.h"
#include "app/request_observer.h"
#include "app/sites.h"
#include "app/strangers.h"
#include "backends/onnx/runtime.h"
#include "base/entropy.h"
#include "base/format.h"
#include "base/state_folder.h"
#include "config/config.h"
#include "gateway/gateway.h"
#include "http/server.h"
#include "rpc/grpc_client.h"
#include "runtime/compute_pool.h"
#include "runtime/io_threads.h"
#include "telemetry/process_metrics.h"

namespace sluice::app {

namespace {

std::size_t or_processors(std::size_t threads) {
  return threads != 0 ? threads : usable_processors();
}

// What is listened on, with the options it was made from.
struct HttpListener {
  std::string configured;
  http::ListenAddress bound;
  bool tls = false;
};

// A listener and its sites, ready to serve.
struct Prepared {
  const ListenerOptions* options;
  http::ListenAddress address;
  std::vector<http::SitePtr> sites;
};

}  // namespace

// In the order of making: what stands above outlives what stands below.
struct Instance::Parts {
  Configuration configuration;
  SystemClock clock;
  std::unique_ptr<telemetry::Log> log;
  telemetry::Metrics metrics;
  telemetry::Instruments instruments{metrics};
  std::optional<telemetry::ProcessMetrics> process;
  std::unique_ptr<access::Keyring> keyring;
  access::AddressLimits limits;
  std::unique_ptr<IoThreads> threads;
  std::vector<std::unique_ptr<ComputePool>> pools;  // realtime's, best effort's
  std::unique_ptr<ComputePool> loader;
  std::unique_ptr<http::CachingResolver> resolver;
  std::unique_ptr<rpc::GrpcClient> rpc;  // its calls' results go to the threads above
  std::unique_ptr<onnx::OnnxRuntime> onnx;
  std::unique_ptr<gateway::Gateway> gateway;
  std::shared_ptr<llama::ModelHost> language_models;
  std::unique_ptr<Models> models;
  std::vector<gateway::LocalGateway*> locals;
  std::unique_ptr<JobSystem> jobs;
  std::unique_ptr<RequestObserver> observer;
  std::unique_ptr<http::Server> server;
  std::vector<HttpListener> listeners;
  std::unique_ptr<GrpcListeners> grpc;
  std::mutex reload_mutex;
  ReloadRequest request_reload;  // guarded by reload_mutex

  ~Parts() {
    const auto job_loops = jobs ? jobs->loops() : nullptr;
    grpc.reset();    // waits for its threads, so that no call is at home there any more
    server.reset();  // handlers' sites go on their own threads
    jobs.reset();    // nobody asks it any more
    models.reset();
    if (gateway && threads) {
      // What callables keep on io threads goes there, so those must still run.
      [[maybe_unused]] const auto emptied = gateway->configure({});
      threads->on_each([](std::size_t, EventLoop&) {});
    }
    if (language_models) language_models->close();  // from now on it gives the loader nothing
    loader.reset();
    if (threads) threads->stop();
    pools.clear();  // what still ran has posted its result to a loop that reads no more
  }

  SiteContext context() { return context(configuration.options); }
  SiteContext context(const Options& options) {
    return {.gateway = *gateway,
            .locals = locals,
            .clock = clock,
            .instruments = instruments,
            .log = *log,
            .reload = [this](auto done) { ask_for_reload(std::move(done)); },
            .desk = jobs->desk(),
            .keyring = *keyring,
            .limits = limits,
            .addresses = options.access.addresses,
            .callables = options.callables};
  }
  static Result<std::unique_ptr<Parts>> make(Configuration configuration);
  static Result<std::unique_ptr<Parts>> make_empty(Configuration configuration);
  Result<std::vector<Prepared>> prepare(const Options& options);
  Result<> serve(const std::vector<Prepared>& prepared,
                 const std::function<Result<>()>& before_switch);
  // Sites refer to the store, so it comes before them.
  void open_jobs(const Options& options) {
    if (uses_jobs(options) && !jobs->is_open()) jobs->open(options);
  }
  void run_jobs(const Options& options) {
    jobs->consume(options, [&](gateway::LocalGateway& local) {
      auto routes = std::make_shared<std::vector<api::jobs::LaterRoutes>>();
      for (const auto* some : {&options.listeners, &options.served_elsewhere}) {
        for (const ListenerOptions& listener : *some) {
          if (auto made = make_later_routes(listener, local, context(options))) {
            routes->push_back(std::move(*made));
          }
        }
      }
      return routes;
    });
  }
  void ask_for_reload(std::function<void(Result<>)> done) {
    const std::scoped_lock lock(reload_mutex);
    if (!request_reload) return done(fail(unavailable("nobody listens for a reload")));
    request_reload(std::move(done));
  }
};

// Everything that can fail without a socket. What a gRPC server is made of is only looked at: it
// cannot be had without its socket.
Result<std::vector<Prepared>> Instance::Parts::prepare(const Options& options) {
  std::vector<Prepared> prepared;
  config::Problems problems;
  for (const ListenerOptions& listener : options.listeners) {
    if (listener.protocol == Protocol::kGrpc) {
      check_tls(listener, problems);
      continue;
    }
    auto address = http::parse_listen_address(listener.address);
    if (!address) return fail(address.error());
    auto sites = make_sites(listener, options.telemetry, context(options), problems);
    prepared.push_back({&listener, *address, std::move(sites)});
  }
  if (!problems.empty()) return fail(problems.to_error());
  return prepared;
}

// New listeners open, `before_switch` runs, listeners that stay get their new sites, old ones
// close. When one of the first two fails, what this call opened is closed and the rest is as
// before.
Result<> Instance::Parts::serve(const std::vector<Prepared>& prepared,
                                const std::function<Result<>()>& before_switch) {
  const auto known = [&](const Prepared& p) {
    return std::ranges::find(listeners, p.options->address, &HttpListener::configured);
  };
  const auto maker = [](const Prepared& p) {
    return [&p](std::size_t loop) { return p.sites[loop]; };
  };
  std::vector<HttpListener> opened;
  const auto give_up = [&](Error error) {
    for (const HttpListener& listener : opened) server->close(listener.bound);
    return fail(std::move(error));
  };
  for (const Prepared& p : prepared) {
    if (known(p) != listeners.end()) continue;
    auto bound = server->listen(p.address, maker(p));
    if (!bound) return give_up(bound.error());
    opened.push_back({p.options->address, *bound, p.options->tls.has_value()});
  }
  if (auto ok = before_switch(); !ok) return give_up(ok.error());
  std::erase_if(listeners, [&](const HttpListener& listener) {
    const bool gone = std::ranges::none_of(
        prepared, [&](const Prepared& p) { return p.options->address == listener.configured; });
    if (gone) server->close(listener.bound);
    return gone;
  });
  for (const Prepared& p : prepared) {
    if (const auto it = known(p); it != listeners.end()) {
      it->tls = p.options->tls.has_value();
      if (auto ok = server->replace(it->bound, maker(p)); !ok) return ok;
    }
  }
  std::ranges::move(opened, std::back_inserter(listeners));
  return {};
}

Instance::Instance(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Instance::~Instance() = default;

// All that does not listen, without callables: threads, the gateway.
Result<std::unique_ptr<Instance::Parts>> Instance::Parts::make_empty(Configuration configuration) {
  auto owned = std::make_unique<Parts>();
  Parts& p = *owned;
  p.configuration = std::move(configuration);
  const Options& options = p.configuration.options;
  auto log = telemetry::Log::open(options.telemetry.log, p.clock);
  if (!log) return fail(log.error());
  p.log = std::move(*log);
  p.process.emplace(p.metrics, telemetry::BuildInfo{SLUICE_VERSION, telemetry::compiler_name(),
                                                    SLUICE_BUILD_TYPE});
  auto state = find_state_folder(options.state_dir, process_variables());
  p.keyring =
      std::make_unique<access::Keyring>(access::Keyring::Services{p.clock, p.instruments, *p.log},
                                        state ? std::optional(std::move(*state)) : std::nullopt);
  p.threads = std::make_unique<IoThreads>(or_processors(options.runtime.io_threads));
  for (const bool when_idle : {false, true}) {
    p.pools.push_back(std::make_unique<ComputePool>(ComputePool::Options{
        or_processors(options.runtime.compute_threads), options.runtime.compute_queue, when_idle,
        when_idle ? "sluice-idle" : "sluice-run"}));
  }
  p.onnx = std::make_unique<onnx::OnnxRuntime>(
      onnx::Services{*p.pools[0], p.clock, *p.log, p.instruments, p.pools[1].get()});
  p.loader = std::make_unique<ComputePool>(ComputePool::Options{.name = "sluice-load"});
  p.resolver = std::make_unique<http::CachingResolver>(http::CachingResolver::Options(), p.clock);
  p.rpc = std::make_unique<rpc::GrpcClient>();
  p.gateway = std::make_unique<gateway::Gateway>(p.clock, p.instruments);
  for (std::size_t i = 0; i < p.threads->size(); ++i) {
    p.locals.push_back(&p.gateway->add_home(p.threads->loop(i)));
  }
  p.language_models = std::make_shared<llama::ModelHost>(
      llama::ModelHost::Services{*p.loader, p.threads->any(), p.clock},
      options.runtime.language_model_memory);
  p.models = std::make_unique<Models>(Models::Services{p.clock, *p.onnx, *p.threads, *p.resolver,
                                                       *p.rpc, *p.loader, *p.gateway, p.instruments,
                                                       p.metrics, *p.log, p.language_models});
  p.jobs = std::make_unique<JobSystem>(
      JobSystem::Services{*p.gateway, p.clock, p.instruments, *p.log, *p.resolver}, options);
  p.observer = std::make_unique<RequestObserver>(p.instruments, *p.log);
  p.server =
      std::make_unique<http::Server>(*p.threads, options.limits, p.clock, *p.observer, entropy());

  p.grpc = std::make_unique<GrpcListeners>(*p.gateway, *p.observer);
  return owned;
}

// The same with the callables.
Result<std::unique_ptr<Instance::Parts>> Instance::Parts::make(Configuration configuration) {
  auto owned = make_empty(std::move(configuration));
  if (!owned) return owned;
  Parts& p = **owned;
  auto specs = p.models->make(p.configuration.options);
  if (!specs) return fail(specs.error());
  if (auto ok = p.gateway->configure(std::move(*specs)); !ok) return fail(ok.error());
  p.models->commit();
  return owned;
}

Result<std::unique_ptr<Instance>> Instance::start(Configuration configuration) {
  auto owned = Parts::make(std::move(configuration));
  if (!owned) return fail(owned.error());
  Parts& p = **owned;
  const Options& options = p.configuration.options;
  auto keys = p.keyring->prepare(options.access, listens_beyond_loopback(options));
  if (!keys) return fail(keys.error());
  p.keyring->commit(std::move(*keys));
  p.open_jobs(options);
  auto prepared = p.prepare(options);
  if (!prepared) return fail(prepared.error());
  const auto start_grpc = [&] { return p.grpc->prepare(options, p.context(), p.threads->size()); };
  if (auto ok = p.serve(*prepared, start_grpc); !ok) return fail(ok.error());
  p.grpc->commit(Duration::zero());
  p.keyring->watch();
  warn_of_strangers(p.configuration.options, *p.keyring->keys(), *p.log);
  p.gateway->set_accepting(true);  // only now, since one listener says of all that they are ready
  p.run_jobs(options);
  return std::unique_ptr<Instance>(new Instance(std::move(*owned)));
}

void Instance::try_out(Configuration configuration, config::Problems& problems) {
  Options& wanted = configuration.options;
  keep_what_was_read(wanted, problems);
  const SystemClock clock;
  telemetry::LogOptions& log = wanted.telemetry.log;
  if (const auto opened = telemetry::Log::open(log, clock); !opened) {
    problems.add(wanted.where.near("telemetry").near("log").near("output"), opened.error().message);
  }
  // What goes wrong is said once, as a problem, and one thread of each kind is enough for that.
  log.output = "stderr";
  log.level = telemetry::LogLevel::kOff;
  wanted.runtime = {.io_threads = 1, .compute_threads = 1};
  for (auto& [name, callable] : wanted.callables) {
    auto* model = std::get_if<ModelOptions>(&callable.what);
    auto* file = model != nullptr ? std::get_if<OnnxModelOptions>(&model->backend) : nullptr;
    if (file != nullptr) file->watch_every = Duration::zero();  // it is looked at once
  }
  auto owned = Parts::make_empty(std::move(configuration));
  if (!owned) return problems.add(config::Location(), owned.error().message);
  Parts& p = **owned;
  const Options& options = p.configuration.options;
  p.models->try_out(options, problems);
  if (problems.was_read_whole(options.where.near("access"))) {
    const auto keys = p.keyring->prepare(options.access, false);
    if (!keys) problems.add(options.where.near("state_dir"), keys.error().message);
  }
  for (const ListenerOptions& listener : options.listeners) {
    if (listener.protocol == Protocol::kHttp) {
      make_sites(listener, options.telemetry, p.context(), problems);
    } else {
      check_tls(listener, problems);
    }
  }
}

Result<> Instance::reload(Configuration configuration) {
  Parts& p = *parts_;
  Options& next = configuration.options;
  const auto give_up = [&](Error error) {
    p.models->discard();
    return fail(std::move(error));
  };
  auto specs = p.models->make(next);
  if (!specs) return give_up(specs.error());
  auto keys = p.keyring->prepare(next.access, listens_beyond_loopback(next));
  if (!keys) return give_up(keys.error());
  p.open_jobs(next);
  // The sites name callables only when they are asked, so they can be made before the switch.
  auto prepared = p.prepare(next);
  if (!prepared) return give_up(prepared.error());
  if (auto ok = p.gateway->check(*specs); !ok) return give_up(ok.error());
  // The gateway takes what it has found good, so gRPC's servers are the last that may fail.
  auto ok = p.serve(*prepared, [&] {
    return p.grpc->prepare(next, p.context(next), p.threads->size()).and_then([&] {
      return p.gateway->configure(std::move(*specs));
    });
  });
  const Duration grace = next.shutdown.drain_timeout;
  if (!ok) {
    p.grpc->discard(grace);
    return give_up(ok.error());
  }
  p.keyring->commit(std::move(*keys));
  p.models->commit();
  p.grpc->commit(grace);
  p.run_jobs(next);
  const Options& before = p.configuration.options;
  if (config::to_yaml(before.limits) != config::to_yaml(next.limits) ||
      config::to_yaml(before.runtime) != config::to_yaml(next.runtime) ||
      config::to_yaml(before.stores) != config::to_yaml(next.stores) ||
      before.jobs.store != next.jobs.store || before.state_dir != next.state_dir) {
    p.log->warn("app", "needs_restart",
                {{"message",
                  "changed limits, threads, stores and state_dir take effect at the next start"}});
  }
  p.log->set_level(next.telemetry.log.level);
  p.log->set_access(next.telemetry.log.access);
  p.log->reopen();
  p.configuration = std::move(configuration);
  warn_of_strangers(p.configuration.options, *p.keyring->keys(), *p.log);
  return {};
}

void Instance::on_reload_request(ReloadRequest request) {
  const std::scoped_lock lock(parts_->reload_mutex);
  parts_->request_reload = std::move(request);
}

void Instance::stop_being_ready() {
  parts_->gateway->set_accepting(false);
}
void Instance::drain() {
  parts_->server->drain();
  parts_->grpc->drain(options().shutdown.drain_timeout);
  parts_->jobs->drain();
}
bool Instance::idle() const {
  return parts_->server->open_connections() == 0 && parts_->grpc->idle() && parts_->jobs->idle();
}
void Instance::abort() {
  parts_->server->abort();
  parts_->grpc->abort();
  parts_->jobs->abort();
}

std::vector<std::string> Instance::addresses() const {
  std::vector<std::string> all;
  for (const HttpListener& listener : parts_->listeners) {
    const std::string at = http::to_string(listener.bound);
    all.push_back(
        listener.bound.is_unix() ? at : formatted("{}://{}", listener.tls ? "https" : "http", at));
  }
  for (std::string& address : parts_->grpc->addresses()) all.push_back(std::move(address));
  return all;
}

const Options& Instance::options() const {
  return parts_->configuration.options;
}
telemetry::Log& Instance::log() {
  return *parts_->log;
}

}  // namespace sluice::app
