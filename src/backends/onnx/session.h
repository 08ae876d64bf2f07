// One model file opened by ONNX Runtime: what it takes and gives, and how to run it.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/onnx/handles.h"
#include "backends/onnx/maps.h"
#include "backends/onnx/options.h"
#include "inference/tensor.h"

namespace sluice::onnx {

struct ModelFacts;

// Stops one run from another thread, between two operators: an operator once begun ends first.
class RunControl {
 public:
  RunControl();
  void terminate();  // any thread, any number of times, also before the run
  [[nodiscard]] OrtRunOptions* options() const { return options_.get(); }

 private:
  Handle<OrtRunOptions> options_;
};

// An output and how it becomes a tensor.
struct Output {
  enum class Form : std::uint8_t {
    kTensor,
    kTable,  // was maps in the file (model_file.h)
    kMapsByInteger,
    kMapsByText,
  };

  TensorInfo info;
  Form form = Form::kTensor;
  Labels labels;                     // of maps, once known
  std::vector<std::size_t> columns;  // of kTable: where each class stands in what comes
  // As far as it is known before a run (row_shapes.h).
  std::optional<Shape> row_shape;
};

// run() is safe from any number of threads at once; learn_labels() and guess_shapes() before that,
// by the one who opened it. The environment must outlive it.
class Session {
 public:
  // Errors say why in words for a person, without the file's name.
  static Result<Session> open(const OrtEnv& environment, const std::filesystem::path& file,
                              const OnnxOptions& options, std::size_t threads);

  [[nodiscard]] const std::vector<TensorInfo>& inputs() const { return inputs_; }
  [[nodiscard]] const std::vector<Output>& outputs() const { return outputs_; }
  // Whether how long a run takes depends on the values that come, not on their number alone.
  [[nodiscard]] bool loops() const { return loops_; }

  // The inputs must be those of the model (check_inputs), in any order, and are read where they
  // lie. `wanted` empty: all outputs, in the model's order; else those, in the order asked for.
  // `control` may be null.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs,
                                  std::span<const std::string> wanted, RunControl* control) const {
    return fetch(inputs, wanted, control, nullptr);
  }

  // Runs once and keeps what the answer says about the classes of maps.
  Result<> learn_labels(std::span<const Tensor> inputs);
  // Keeps what two answers say about shapes, so that memory for such outputs is given to the run.
  // Where a later run shows the guess to be wrong, that run is repeated without it and so are all
  // that follow.
  void guess_shapes(std::span<const Tensor> of_one_row, std::span<const Tensor> of_many,
                    std::int64_t many);

 private:
  Session() = default;
  Result<> describe(const ModelFacts& facts);

  struct Wanted;  // outputs of one run
  [[nodiscard]] Result<> choose(std::span<const std::string> names, Wanted& wanted) const;
  // `labels`, where not null, gets one entry for each output fetched.
  Result<std::vector<Tensor>> fetch(std::span<const Tensor> inputs,
                                    std::span<const std::string> wanted, RunControl* control,
                                    std::vector<Labels>* labels) const;

  Handle<OrtSession> session_;
  Handle<OrtMemoryInfo> cpu_;
  std::unique_ptr<RunControl> quiet_;  // of all runs that nobody stops
  bool loops_ = false;
  bool on_cpu_ = true;
  std::unique_ptr<std::atomic<bool>> shapes_known_ = std::make_unique<std::atomic<bool>>(false);

  std::vector<TensorInfo> inputs_;
  std::vector<Output> outputs_;
};

}  // namespace sluice::onnx
