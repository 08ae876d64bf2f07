// The callables of a configuration, made and kept up to date.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/options.h"
#include "backends/llama/model.h"
#include "backends/llama/model_host.h"
#include "backends/onnx/runtime.h"
#include "gateway/gateway.h"
#include "http/client/resolver.h"
#include "rpc/grpc_client.h"
#include "runtime/compute_pool.h"
#include "runtime/io_threads.h"
#include "scheduling/slots.h"
#include "telemetry/log.h"

namespace sluice::generation_wire {
class WireModel;
}

namespace sluice::app {

// An ensemble as the gateway takes it.
gateway::EnsembleSpec make_ensemble(const std::string& name, const EnsembleOptions& options);

// Makes models from options, and keeps those that a new configuration leaves as they are: a reload
// neither loads an unchanged file again nor drops connections to a service. Main thread.
class Models {
 public:
  struct Services {
    const Clock& clock;
    onnx::OnnxRuntime& onnx;
    IoThreads& io;
    http::Resolver& resolver;
    rpc::GrpcClient& rpc;
    ComputePool& loader;  // where models are loaded while others serve
    gateway::Gateway& gateway;
    telemetry::Instruments& instruments;
    telemetry::Metrics& metrics;
    telemetry::Log& log;
    std::shared_ptr<llama::ModelHost> language_models;
  };
  explicit Models(Services services)
      : services_(services), language_services_{services_.clock, services_.metrics} {}
  ~Models();

  // Everything that the configuration names. A model that cannot be loaded is there as well, with
  // the reason: the others serve on. kInvalid for what can never work, such as a broken URL.
  // Nothing that was made before changes until commit() or discard().
  Result<std::vector<gateway::CallableSpec>> make(const Options& options);
  // Makes all of it as make() does, and says of everything that could not serve why, at its place.
  void try_out(const Options& options, config::Problems& problems);
  // The gateway has taken what make() gave: what is no longer named goes, and from now on the
  // gateway is told of versions that come and go.
  void commit();
  // It has not.
  void discard();

 private:
  struct Made;  // one model
  using MadePtr = std::shared_ptr<Made>;
  // Without those that can never work: `problems` says why.
  std::vector<gateway::CallableSpec> make_all(const Options& options, config::Problems& problems);
  MadePtr make_model(const std::string& name, const OnnxModelOptions& options);
  MadePtr make_model(const std::string& name, const llama::LlamaOptions& options,
                     double best_effort_share);
  Result<MadePtr> make_model(const std::string& name,
                             const http_predict::HttpPredictOptions& options);
  Result<MadePtr> make_model(const std::string& name,
                             const tensorflow_serving::TensorflowServingOptions& options);
  Result<MadePtr> make_model(const std::string& name, const openai::OpenAiOptions& options);
  Result<MadePtr> make_model(const std::string& name, const ollama::OllamaOptions& options);
  static MadePtr made_of(const std::string& name,
                         std::shared_ptr<generation_wire::WireModel> model);
  static Result<MadePtr> make_model(const std::string& name,
                                    const simulated::SimulatedOptions& options);
  using SlotsPtr = std::shared_ptr<scheduling::Slots>;
  // A model, and what of it can change alone: the slots before it, how long it stays.
  struct Entry {
    MadePtr made;
    Duration keep_alive{};        // of a language model in memory
    SlotsPtr slots;               // null: calls wait for none
    std::string slots_signature;  // the options they were made from
  };
  [[nodiscard]] gateway::ModelSpec spec_of(const Entry& entry) const;
  void give_slots(Entry& entry, const std::optional<scheduling::SlotOptions>& options,
                  const Entry* old) const;

  Services services_;
  const llama::ModelServices language_services_;
  std::map<std::string, Entry> current_;
  std::map<std::string, Entry> next_;
};

}  // namespace sluice::app
