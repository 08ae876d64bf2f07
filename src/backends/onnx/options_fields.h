// The fields of OnnxOptions, for structs that have them among their own. In .cc files only.
#pragma once

#include "backends/onnx/options.h"
#include "config/fields.h"

namespace sluice::onnx {

inline void describe(config::Choices<ExecutionProvider>& c) {
  c.choice("cpu", ExecutionProvider::kCpu, "the processor")
      .choice("cuda", ExecutionProvider::kCuda, "an NVIDIA GPU, where the library has it");
}

inline void describe(config::Choices<GraphOptimization>& c) {
  c.choice("none", GraphOptimization::kNone, "the graph as it is")
      .choice("basic", GraphOptimization::kBasic, "constant folding and the like")
      .choice("extended", GraphOptimization::kExtended, "fused operators as well")
      .choice("all", GraphOptimization::kAll, "everything, memory layouts included");
}

inline void describe(config::Fields<BatchingOptions>& f) {
  f.about("batching", "Calls that wait for one another to run as one; off while max_rows is 0.");
  f.field("max_rows", &BatchingOptions::max_rows, "The most rows of one run; 0: no batching.")
      .at_most(1'000'000);
  f.field("max_wait", &BatchingOptions::max_wait, "How long the first call waits for others.")
      .range(Duration::zero(), std::chrono::seconds(10));
  f.field("max_calls_waiting", &BatchingOptions::max_calls_waiting,
          "The most calls that wait; beyond them a call is refused.")
      .range(1, 1'000'000);
}

// T derives from OnnxOptions.
template <class T>
void describe_options(config::Fields<T>& f) {
  const auto of = []<class M>(M OnnxOptions::* member) { return static_cast<M T::*>(member); };
  f.field("threads", of(&OnnxOptions::threads),
          "Threads within one run; 0: one for a small model, else one for each processor.")
      .at_most(1024);
  f.field("warmup_rows", of(&OnnxOptions::warmup_rows),
          "Rows of the warm-up that measures a run; 0: no warm-up, and no run on io threads.")
      .at_most(100'000);
  f.field("execution_provider", of(&OnnxOptions::execution_provider), "What computes.");
  f.field("graph_optimization", of(&OnnxOptions::graph_optimization),
          "How far the graph is rewritten at load.");
  f.field("batching", of(&OnnxOptions::batching), "Calls that run as one.");
}

}  // namespace sluice::onnx
