#include "backends/onnx/session.h"

#include <onnxruntime_c_api.h>
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/onnx/explain.h"
#include "backends/onnx/row_shapes.h"
#include "backends/onnx/small_array.h"
#include "backends/onnx/values.h"
#include "base/format.h"

namespace sluice::onnx {

namespace {

constexpr std::size_t kFewTensors = 8;

// The columns in the order of their classes. A row alone may come without its first dimension.
Result<Tensor> in_class_order(Tensor tensor, const std::vector<std::size_t>& columns) {
  if (tensor.shape.rank() == 1) tensor.shape = {1, tensor.shape[0]};
  if (tensor.type != DataType::kFp32 || tensor.shape.rank() != 2 ||
      tensor.shape[1] != static_cast<std::int64_t>(columns.size())) {
    return fail(internal(formatted("output '{}' came as {} {}, which does not fit its {} classes",
                                   tensor.name, to_string(tensor.type), to_string(tensor.shape),
                                   columns.size())));
  }
  if (std::ranges::is_sorted(columns)) return tensor;
  Tensor ordered = make_tensor(tensor.name, tensor.type, tensor.shape);
  const auto from = std::as_const(tensor).as<float>();
  const auto to = ordered.as<float>();
  for (std::size_t row = 0; row < from.size(); row += columns.size()) {
    for (std::size_t i = 0; i < columns.size(); ++i) to[row + i] = from[row + columns[i]];
  }
  return ordered;
}

// Whether a run failed over the memory that it was given, which it compares by its declared rank
// before and by its shape when it comes to write.
bool blames_memory(std::string_view message) {
  return message.contains("for output:") || message.contains("shape verification failed");
}

Result<Tensor> read(const Output& output, const OrtValue& value, Labels* labels) {
  switch (output.form) {
    case Output::Form::kTensor:
      return to_tensor(output.info.name, value);
    case Output::Form::kTable: {
      auto tensor = to_tensor(output.info.name, value);
      if (!tensor) return tensor;
      return in_class_order(std::move(*tensor), output.columns);
    }
    case Output::Form::kMapsByInteger:
      return maps_to_table(output.info.name, value, false, labels);
    case Output::Form::kMapsByText:
      break;
  }
  return maps_to_table(output.info.name, value, true, labels);
}

}  // namespace

RunControl::RunControl() {
  Ort::RunOptions made;
  options_.reset(made.release());
}

void RunControl::terminate() {
  static_cast<void>(checked(Ort::GetApi().RunOptionsSetTerminate(options_.get())));
}

Result<> Session::learn_labels(std::span<const Tensor> inputs) {
  std::vector<Labels> labels(outputs_.size());
  auto answer = fetch(inputs, {}, nullptr, &labels);
  if (!answer) return fail(answer.error());
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (labels[i].empty()) continue;
    outputs_[i].info.shape = {-1, static_cast<std::int64_t>(labels[i].size())};
    outputs_[i].labels = std::move(labels[i]);
  }
  return {};
}

void Session::guess_shapes(std::span<const Tensor> of_one_row, std::span<const Tensor> of_many,
                           std::int64_t many) {
  if (!on_cpu_) return;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[i];
    if (output.form != Output::Form::kTensor && output.form != Output::Form::kTable) continue;
    // An input that is an output as well is handed through, and nothing is written.
    if (std::ranges::contains(inputs_, output.info.name, &TensorInfo::name)) continue;
    output.row_shape = guess_row_shape(of_one_row[i], of_many[i], many);
    if (output.row_shape) shapes_known_->store(true, std::memory_order_relaxed);
  }
}

// The outputs of one run: what they are, and the memory that they get before it where their shape
// is known.
struct Session::Wanted {
  explicit Wanted(std::size_t count) : specs(count), names(count), values(count) {
    tensors.resize(count);
  }

  Result<> give_memory(std::int64_t rows, const OrtMemoryInfo& cpu) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Output& output = *specs[i];
      if (!output.row_shape) continue;
      const auto shape = with_rows(*output.row_shape, rows);
      if (!shape) continue;
      tensors[i] = make_tensor(output.info.name, output.info.type, *shape);
      auto value = to_value(tensors[i], cpu);
      if (!value) return fail(value.error());
      values[i] = std::move(*value);
      given = true;
    }
    return {};
  }

  SmallArray<const Output*, kFewTensors> specs;
  SmallArray<const char*, kFewTensors> names;
  SmallArray<Handle<OrtValue>, kFewTensors> values;
  std::vector<Tensor> tensors;
  bool given = false;
};

Result<> Session::choose(std::span<const std::string> names, Wanted& wanted) const {
  for (std::size_t i = 0; i < wanted.tensors.size(); ++i) {
    const Output* output = &outputs_[i];
    if (!names.empty()) {
      const auto found =
          std::ranges::find(outputs_, names[i], [](const Output& o) { return o.info.name; });
      if (found == outputs_.end()) {
        return fail(invalid(formatted("there is no output '{}'", names[i])));
      }
      if (std::ranges::contains(names.first(i), names[i])) {
        return fail(invalid(formatted("output '{}' is asked for twice", names[i])));
      }
      output = &*found;
    }
    wanted.specs[i] = output;
    wanted.names[i] = output->info.name.c_str();
  }
  return {};
}

Result<std::vector<Tensor>> Session::fetch(std::span<const Tensor> inputs,
                                           std::span<const std::string> names, RunControl* control,
                                           std::vector<Labels>* labels) const {
  SmallArray<const char*, kFewTensors> input_names(inputs.size());
  SmallArray<Handle<OrtValue>, kFewTensors> values(inputs.size());
  SmallArray<const OrtValue*, kFewTensors> value_pointers(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto value = to_value(inputs[i], *cpu_);
    if (!value) return fail(value.error());
    values[i] = std::move(*value);
    value_pointers[i] = values[i].get();
    input_names[i] = inputs[i].name.c_str();
  }

  const std::size_t count = names.empty() ? outputs_.size() : names.size();
  Wanted wanted(count);
  if (auto ok = choose(names, wanted); !ok) return fail(ok.error());
  if (shapes_known_->load(std::memory_order_relaxed)) {
    if (const auto rows = rows_of_call(inputs_, inputs)) {
      if (auto ok = wanted.give_memory(*rows, *cpu_); !ok) return fail(ok.error());
    }
  }
  const auto run_once = [&]() -> Result<> {
    SmallArray<OrtValue*, kFewTensors> raw(count);
    for (std::size_t i = 0; i < count; ++i) raw[i] = wanted.values[i].get();
    auto ran = checked(Ort::GetApi().Run(session_.get(), (control ? *control : *quiet_).options(),
                                         input_names.data(), value_pointers.data(), inputs.size(),
                                         wanted.names.data(), count, raw.data()));
    for (std::size_t i = 0; i < count; ++i) {
      if (raw[i] != wanted.values[i].get()) wanted.values[i].reset(raw[i]);
    }
    return ran;
  };
  Result<> ran = run_once();
  if (!ran && wanted.given && blames_memory(ran.error().message)) {
    for (std::size_t i = 0; i < count; ++i) {
      wanted.values[i].reset();
      wanted.tensors[i] = {};
    }
    wanted.given = false;
    ran = run_once();
    if (ran) shapes_known_->store(false, std::memory_order_relaxed);
  }
  if (!ran) return fail(ran.error().code, explain(ran.error().message));

  for (std::size_t i = 0; i < count; ++i) {
    const Output& output = *wanted.specs[i];
    Tensor& tensor = wanted.tensors[i];
    const bool written = tensor.data.size() > 0;
    if (written && output.form == Output::Form::kTensor) continue;
    auto read_back = written ? in_class_order(std::move(tensor), output.columns)
                             : read(output, *wanted.values[i], labels ? &(*labels)[i] : nullptr);
    if (!read_back) return fail(read_back.error());
    tensor = std::move(*read_back);
  }
  return std::move(wanted.tensors);
}

}  // namespace sluice::onnx
