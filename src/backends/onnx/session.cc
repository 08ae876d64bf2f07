#include "backends/onnx/session.h"

#include <onnxruntime_c_api.h>
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstring>
#include <format>
#include <utility>

#include "backends/onnx/explain.h"
#include "backends/onnx/small_array.h"
#include "backends/onnx/values.h"

namespace sluice::onnx {

namespace {

constexpr std::size_t kFewTensors = 8;

// The columns in the order of their classes. A row alone may come without its first dimension.
Result<Tensor> in_class_order(Tensor tensor, const std::vector<std::size_t>& columns) {
  if (tensor.shape.rank() == 1) tensor.shape = {1, tensor.shape[0]};
  if (tensor.type != DataType::kFp32 || tensor.shape.rank() != 2 ||
      tensor.shape[1] != static_cast<std::int64_t>(columns.size())) {
    return fail(internal(std::format("output '{}' came as {} {}, which does not fit its {} classes",
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

Result<std::size_t> Session::index_of(const std::string& output) const {
  const auto at = std::ranges::find(outputs_, output, [](const Output& o) { return o.info.name; });
  if (at == outputs_.end()) return fail(invalid(std::format("there is no output '{}'", output)));
  return static_cast<std::size_t>(at - outputs_.begin());
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

Result<std::vector<Tensor>> Session::fetch(std::span<const Tensor> inputs,
                                           std::span<const std::string> wanted, RunControl* control,
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

  const std::size_t count = wanted.empty() ? outputs_.size() : wanted.size();
  SmallArray<const Output*, kFewTensors> specs(count);
  SmallArray<const char*, kFewTensors> output_names(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t index = i;
    if (!wanted.empty()) {
      const auto found = index_of(wanted[i]);
      if (!found) return fail(found.error());
      if (std::ranges::find(wanted.first(i), wanted[i]) != wanted.first(i).end()) {
        return fail(invalid(std::format("output '{}' is asked for twice", wanted[i])));
      }
      index = *found;
    }
    specs[i] = &outputs_[index];
    output_names[i] = outputs_[index].info.name.c_str();
  }

  SmallArray<OrtValue*, kFewTensors> raw(count);
  auto ran = checked(Ort::GetApi().Run(session_.get(), (control ? *control : *quiet_).options(),
                                       input_names.data(), value_pointers.data(), inputs.size(),
                                       output_names.data(), count, raw.data()));
  SmallArray<Handle<OrtValue>, kFewTensors> results(count);
  for (std::size_t i = 0; i < count; ++i) results[i].reset(raw[i]);
  if (!ran) return fail(ran.error().code, explain(ran.error().message));

  std::vector<Tensor> tensors;
  tensors.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto tensor = read(*specs[i], *results[i], labels ? &(*labels)[i] : nullptr);
    if (!tensor) return fail(tensor.error());
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

}  // namespace sluice::onnx
