// The configuration as a whole: each folder's own options, composed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "access/options.h"
#include "backends/http_predict/options.h"
#include "backends/llama/options.h"
#include "backends/ollama/options.h"
#include "backends/onnx/options.h"
#include "backends/openai/options.h"
#include "backends/simulated/options.h"
#include "backends/tensorflow_serving/options.h"
#include "base/time.h"
#include "config/describe.h"
#include "config/node.h"
#include "config/ordered_map.h"
#include "config/secret.h"
#include "gateway/merge.h"
#include "http/server_options.h"
#include "jobs/options.h"
#include "redis/options.h"
#include "scheduling/options.h"
#include "services/async_iris/options.h"
#include "services/horizontal/options.h"
#include "services/news_creator/options.h"
#include "telemetry/options.h"

namespace sluice::app {

// --- listeners

struct OpenInferenceMount {
  // Whether models can be loaded and unloaded here; unset: on loopback only.
  std::optional<bool> administration;
  std::optional<config::Secret> key;  // asked for in X-API-Key where models are administered
};
struct TensorflowServingMount {};
struct AdminMount {
  std::optional<config::Secret> key;
};
struct JobsMount {};
struct OpenAiMount {};
struct OllamaMount {};
void describe(config::Fields<OpenInferenceMount>& f);
void describe(config::Fields<TensorflowServingMount>& f);
void describe(config::Fields<AdminMount>& f);
void describe(config::Fields<JobsMount>& f);
void describe(config::Fields<OpenAiMount>& f);
void describe(config::Fields<OllamaMount>& f);

struct MountOptions {
  std::variant<std::monostate, horizontal::ServiceOptions, horizontal::ProxyOptions,
               async_iris::AsyncIrisOptions, OpenInferenceMount, TensorflowServingMount, AdminMount,
               JobsMount, OpenAiMount, OllamaMount, news_creator::NewsCreatorOptions>
      api;
  std::string target;
  std::string prefix;
  std::optional<std::string> rate_per_address;  // in place of the listener's
  config::Node where;
};
void describe(config::Fields<MountOptions>& f);
void validate(const MountOptions& o, config::Problems& p, const config::Node& at);

enum class Protocol : std::uint8_t { kHttp, kGrpc };
void describe(config::Choices<Protocol>& c);

struct TlsOptions {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path client_ca;
};
void describe(config::Fields<TlsOptions>& f);

// In which kind of process something is served: `sluice serve`, `sluice worker`.
enum class ServedBy : std::uint8_t { kServe, kWorker, kBoth };
void describe(config::Choices<ServedBy>& c);

struct ListenerOptions {
  std::string address;
  ServedBy served_by = ServedBy::kServe;
  Protocol protocol = Protocol::kHttp;
  std::optional<TlsOptions> tls;
  std::vector<std::string> trusted_proxies;
  bool proxy_protocol = false;
  http::CorsOptions cors;
  http::GzipOptions gzip;
  std::optional<std::string> rate_per_address;
  std::vector<MountOptions> mounts;
  config::Node where;
};
void describe(config::Fields<ListenerOptions>& f);
void validate(const ListenerOptions& o, config::Problems& p, const config::Node& at);

// --- callables

struct OnnxModelOptions : onnx::OnnxOptions {
  std::filesystem::path path;
  std::size_t latest = 1;
  std::vector<std::int64_t> versions;
  Duration watch_every = std::chrono::seconds(2);
};
void describe(config::Fields<OnnxModelOptions>& f);

struct ModelOptions {
  std::variant<OnnxModelOptions, llama::LlamaOptions, http_predict::HttpPredictOptions,
               tensorflow_serving::TensorflowServingOptions, openai::OpenAiOptions,
               ollama::OllamaOptions, simulated::SimulatedOptions>
      backend;
  std::optional<scheduling::SlotOptions> slots;
};
void describe(config::Fields<ModelOptions>& f);

struct MemberOptions {
  std::string target;
  double weight = 1.0;
  config::Node where;
};
void describe(config::Fields<MemberOptions>& f);

struct EnsembleOptions {
  config::OrderedMap<MemberOptions> members;
  Duration deadline = std::chrono::seconds(1);
  std::size_t quorum = 1;
  gateway::MergeOptions merge;
};
void describe(config::Fields<EnsembleOptions>& f);
void validate(const EnsembleOptions& o, config::Problems& p, const config::Node& at);

// Run by programs outside, which lease its jobs.
struct ExternalOptions {
  std::string description;
};
void describe(config::Fields<ExternalOptions>& f);

struct CallableOptions {
  std::variant<std::monostate, ModelOptions, EnsembleOptions, ExternalOptions> what;
  config::Node where;
};
void describe(config::Fields<CallableOptions>& f);

// --- the process

struct RuntimeOptions {
  std::size_t io_threads = 0;       // 0: one for each processor the process may use
  std::size_t compute_threads = 0;  // the same
  std::size_t compute_queue = 1024;
  std::uint64_t language_model_memory = 0;  // bytes; 0: no bound
};
void describe(config::Fields<RuntimeOptions>& f);

struct ShutdownOptions {
  Duration drain_delay{};
  Duration drain_timeout = std::chrono::seconds(30);
};
void describe(config::Fields<ShutdownOptions>& f);

struct StoresOptions {
  std::optional<redis::RedisOptions> redis;
};
void describe(config::Fields<StoresOptions>& f);

struct Options {
  std::uint32_t version = 1;
  std::vector<ListenerOptions> listeners;
  config::OrderedMap<CallableOptions> callables;
  scheduling::ClassesOptions classes;
  access::AccessOptions access;
  http::ServerLimits limits;
  RuntimeOptions runtime;
  ShutdownOptions shutdown;
  telemetry::TelemetryOptions telemetry;
  jobs::JobsOptions jobs;
  StoresOptions stores;
  // Those of `listeners` that are not this kind of process's, once run_as() has been called.
  std::vector<ListenerOptions> served_elsewhere;
  bool worker = false;              // this is `sluice worker`
  std::filesystem::path state_dir;  // empty: see find_state_folder()
  config::Node where;
};
void describe(config::Fields<Options>& f);
void validate(const Options& o, config::Problems& p, const config::Node& at);

// The options as the file has them.
struct Configuration {
  Options options;
  std::string source;  // the file's name, or "the built-in default"
};
// What of a file can be read, while `problems` says what is wrong with the rest; nothing where it
// is no tree at all.
std::optional<Configuration> read_configuration(const std::optional<std::filesystem::path>& file,
                                                config::Problems& problems);
// What of it is for `sluice serve`, or for `sluice worker`: that one runs jobs, whatever
// jobs.consume says, and listens only where it is told to.
void run_as(Options& options, ServedBy process);
// Is anything listened on that others than this machine can reach?
bool listens_beyond_loopback(const Options& options);
// Takes out the callables and mounts that did not read as a whole, so that the others can be tried.
void keep_what_was_read(Options& options, const config::Problems& problems);
// The whole configuration, or everything that is wrong with the text (kInvalid).
Result<Configuration> load_configuration(const std::optional<std::filesystem::path>& file);
// What runs when no file is given.
std::string_view default_configuration();
// The folder for what outlives the process, made where it is missing: for who writes there.
Result<std::filesystem::path> state_folder(const Options& options);
// Where the models that come with Sluice lie: $SLUICE_MODELS_DIR, or beside the binary.
std::filesystem::path models_folder();

}  // namespace sluice::app
