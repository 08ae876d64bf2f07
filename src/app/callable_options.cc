#include "app/options.h"
#include "backends/onnx/options_fields.h"
#include "base/format.h"
#include "config/fields.h"

namespace sluice::app {

using std::chrono::hours;

void describe(config::Fields<OnnxModelOptions>& f) {
  f.about("onnx", "A model file run by ONNX Runtime in this process.");
  f.field("path", &OnnxModelOptions::path,
          "The .onnx file, or a folder of versions: PATH/NUMBER/model.onnx.")
      .required()
      .not_empty();
  f.field("latest", &OnnxModelOptions::latest,
          "Of a folder of versions: the highest this many are served.")
      .range(1, 1000);
  f.field("versions", &OnnxModelOptions::versions,
          "Of a folder of versions: exactly these are served, and 'latest' is ignored.")
      .entries(0, 1000);
  f.field("watch_every", &OnnxModelOptions::watch_every,
          "How often the files are looked at, to load what changed; 0s: never.")
      .at_most(hours(24));
  onnx::describe_options(f);
}

void describe(config::Fields<ModelOptions>& f) {
  f.about("model", "A model and the backend that runs it.");
  f.kind("backend", &ModelOptions::backend, "What runs the model.")
      .alternative<OnnxModelOptions>("onnx", "ONNX Runtime in this process.")
      .alternative<llama::LlamaOptions>("llama", "llama.cpp in this process: a GGUF file.")
      .alternative<http_predict::HttpPredictOptions>("http_predict",
                                                     "A service with POST /predict.")
      .alternative<tensorflow_serving::TensorflowServingOptions>("tensorflow_serving",
                                                                 "TensorFlow Serving over gRPC.")
      .alternative<openai::OpenAiOptions>("openai", "Engines that speak OpenAI's API.")
      .alternative<ollama::OllamaOptions>("ollama", "Engines that speak Ollama's API.")
      .alternative<simulated::SimulatedOptions>("simulated", "No model: for tests of clients.");
  f.field("slots", &ModelOptions::slots,
          "How many calls run at once and who goes next; without: the backend's own ways.");
}

void describe(config::Fields<MemberOptions>& f) {
  f.about("member", "A member of an ensemble.");
  f.here(&MemberOptions::where);
  f.field("target", &MemberOptions::target, "The callable that is asked.").required().not_empty();
  f.field("weight", &MemberOptions::weight, "What its answer weighs in mean and weighted_vote.")
      .range(0.0, 1e9);
}

void describe(config::Fields<EnsembleOptions>& f) {
  f.about("ensemble", "Callables that are asked side by side.");
  f.field("members", &EnsembleOptions::members, "The members by name, in order.")
      .required()
      .entries(1, 100);
  f.field("deadline", &EnsembleOptions::deadline,
          "How long all members together may take, unless the caller sets a deadline.")
      .range(std::chrono::milliseconds(1), std::chrono::hours(1));
  f.field("quorum", &EnsembleOptions::quorum, "How many members must answer.").range(1, 100);
  f.field("merge", &EnsembleOptions::merge, "How the answers become one.");
}

void validate(const EnsembleOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"quorum", "members"}) && o.quorum > o.members.size()) {
    p.add(at.near("quorum"),
          formatted("the quorum is larger than the number of members, which is {}",
                    o.members.size()));
  }
}

void describe(config::Fields<ExternalOptions>& f) {
  f.about("external", "Programs of yours, in any language, that lease its jobs (/v1/leases).");
  f.field("description", &ExternalOptions::description,
          "What its input and output are, for those who read the metadata.");
}

void describe(config::Fields<CallableOptions>& f) {
  f.about("callable", "Something that answers.");
  f.here(&CallableOptions::where);
  f.exactly_one(&CallableOptions::what, "What answers.")
      .alternative<ModelOptions>("model", "A model.")
      .alternative<EnsembleOptions>("ensemble", "Models side by side.")
      .alternative<ExternalOptions>("external", "Programs that lease its jobs.");
}

void describe(config::Fields<StoresOptions>& f) {
  f.about("stores", "Servers that keep what several processes share.");
  f.field("redis", &StoresOptions::redis, "Redis or Valkey, version 7 or later.");
}

void describe(config::Fields<Options>& f) {
  f.about("sluice", "The configuration of Sluice.");
  f.here(&Options::where);
  f.field("version", &Options::version, "The version of this format.").required().range(1, 1);
  f.field("listeners", &Options::listeners, "Where requests are taken.").entries(0, 100);
  f.field("callables", &Options::callables, "What answers, by name.")
      .entries(0, 10'000)
      .keys(config::name_grammar());
  f.field("classes", &Options::classes,
          "Who gets the next slot, for all callables that have slots.");
  f.field("access", &Options::access, "Who may call: keys, and whether they are asked for.");
  f.field("limits", &Options::limits, "Bounds on what HTTP clients may do.");
  f.field("runtime", &Options::runtime, "Threads.");
  f.field("shutdown", &Options::shutdown, "What happens on SIGTERM.");
  f.field("telemetry", &Options::telemetry, "Logs and metrics.");
  f.field("jobs", &Options::jobs, "How jobs are kept and run.");
  f.field("stores", &Options::stores, "Servers that keep what several processes share.");
  f.field("state_dir", &Options::state_dir, "The folder for what outlives the process.")
      .default_is("$SLUICE_DATA_DIR, else $XDG_STATE_HOME/sluice, else ~/.local/state/sluice");
}

}  // namespace sluice::app
