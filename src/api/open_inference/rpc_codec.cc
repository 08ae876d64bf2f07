#include "api/open_inference/rpc_codec.h"

#include <cstring>

#include "api/open_inference/raw_tensor.h"
#include "base/format.h"
#include "rpc/open_inference.pb.h"

namespace sluice::api::open_inference {

namespace {
using Input = inference::ModelInferRequest::InferInputTensor;
using Contents = inference::InferTensorContents;
using ParameterMap = google::protobuf::Map<std::string, inference::InferParameter>;

Result<Parameters> parameters_of(std::string_view where, const ParameterMap& map) {
  if (map.size() > kMaxParameters) {
    return fail(invalid(formatted("{} has more than {} parameters", where, kMaxParameters)));
  }
  Parameters parameters;
  for (const auto& [name, value] : map) {
    if (auto good = check_name("a parameter", name); !good) return fail(good.error());
    switch (value.parameter_choice_case()) {
      case inference::InferParameter::kBoolParam:
        parameters.emplace(name, value.bool_param());
        break;
      case inference::InferParameter::kInt64Param:
        parameters.emplace(name, value.int64_param());
        break;
      case inference::InferParameter::kStringParam:
        parameters.emplace(name, value.string_param());
        break;
      case inference::InferParameter::kDoubleParam:
        parameters.emplace(name, value.double_param());
        break;
      case inference::InferParameter::kUint64Param:
        if (!std::in_range<std::int64_t>(value.uint64_param())) {
          return fail(invalid(formatted("parameter '{}' is beyond 63 bits", name)));
        }
        parameters.emplace(name, static_cast<std::int64_t>(value.uint64_param()));
        break;
      case inference::InferParameter::PARAMETER_CHOICE_NOT_SET:
        return fail(invalid(formatted("parameter '{}' has no value", name)));
    }
  }
  return parameters;
}

// Copies a typed list into a tensor of T, whose range is checked where the list's type is wider.
template <class T, class List>
Result<> copy_list(Tensor& tensor, const List& list) {
  const auto count = static_cast<std::size_t>(*tensor.shape.elements());
  if (static_cast<std::size_t>(list.size()) != count) {
    return fail(
        invalid(formatted("input '{}': {} of shape {} needs {} values, got {}", tensor.name,
                          to_string(tensor.type), to_string(tensor.shape), count, list.size())));
  }
  tensor.data = Buffer(count * sizeof(T));
  T* to = reinterpret_cast<T*>(tensor.data.data());
  const auto* from = list.data();
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = from[i];
    if constexpr (std::integral<T> && sizeof(T) < sizeof(value)) {
      if (!std::in_range<T>(value)) {
        return fail(invalid(formatted("input '{}': element {} is {}, which does not fit {}",
                                      tensor.name, i, value, to_string(tensor.type))));
      }
    }
    to[i] = static_cast<T>(value);
  }
  return {};
}

Result<> copy_bools(Tensor& tensor, const Contents& contents) {
  // A bool becomes the byte 0 or 1.
  return copy_list<std::uint8_t>(tensor, contents.bool_contents());
}

Result<> copy_strings(Tensor& tensor, const Contents& contents) {
  const auto count = static_cast<std::size_t>(*tensor.shape.elements());
  const auto& list = contents.bytes_contents();
  if (static_cast<std::size_t>(list.size()) != count) {
    return fail(invalid(formatted("input '{}': BYTES of shape {} needs {} values, got {}",
                                  tensor.name, to_string(tensor.shape), count, list.size())));
  }
  tensor.strings.assign(list.begin(), list.end());
  return {};
}

Result<> copy_contents(Tensor& tensor, const Contents& contents) {
  switch (tensor.type) {
    case DataType::kBool:
      return copy_bools(tensor, contents);
    case DataType::kUint8:
      return copy_list<std::uint8_t>(tensor, contents.uint_contents());
    case DataType::kUint16:
      return copy_list<std::uint16_t>(tensor, contents.uint_contents());
    case DataType::kUint32:
      return copy_list<std::uint32_t>(tensor, contents.uint_contents());
    case DataType::kUint64:
      return copy_list<std::uint64_t>(tensor, contents.uint64_contents());
    case DataType::kInt8:
      return copy_list<std::int8_t>(tensor, contents.int_contents());
    case DataType::kInt16:
      return copy_list<std::int16_t>(tensor, contents.int_contents());
    case DataType::kInt32:
      return copy_list<std::int32_t>(tensor, contents.int_contents());
    case DataType::kInt64:
      return copy_list<std::int64_t>(tensor, contents.int64_contents());
    case DataType::kFp32:
      return copy_list<float>(tensor, contents.fp32_contents());
    case DataType::kFp64:
      return copy_list<double>(tensor, contents.fp64_contents());
    case DataType::kFp16:
    case DataType::kBf16:
      return fail(invalid(formatted("input '{}': {} travels in raw_input_contents only",
                                    tensor.name, to_string(tensor.type))));
    case DataType::kBytes:
      return copy_strings(tensor, contents);
  }
  return fail(internal("a type that is none"));
}

Result<Tensor> tensor_of(const Input& input, const std::string* raw) {
  if (auto good = check_name("an input", input.name()); !good) return fail(good.error());
  if (!input.parameters().empty()) {
    const std::string where = formatted("input '{}'", input.name());
    const auto parameters = parameters_of(where, input.parameters());
    if (!parameters) return fail(parameters.error());
    if (auto good = check_tensor_parameters(where, *parameters); !good) return fail(good.error());
  }
  const auto type = checked_type(input.name(), input.datatype());
  if (!type) return fail(type.error());
  const auto shape = checked_shape(
      input.name(), {input.shape().data(), static_cast<std::size_t>(input.shape_size())});
  if (!shape) return fail(shape.error());
  if (raw != nullptr) {
    if (input.has_contents()) {
      return fail(invalid(formatted(
          "input '{}' has typed contents in a request with raw_input_contents", input.name())));
    }
    return tensor_from_raw(input.name(), *type, *shape, *raw);
  }
  Tensor tensor{input.name(), *type, *shape, {}, {}};
  if (auto copied = copy_contents(tensor, input.contents()); !copied) return fail(copied.error());
  return tensor;
}

void set_parameter(inference::InferParameter& to, const Parameter& from) {
  struct Set {
    inference::InferParameter& to;
    void operator()(bool value) const { to.set_bool_param(value); }
    void operator()(std::int64_t value) const { to.set_int64_param(value); }
    void operator()(double value) const { to.set_double_param(value); }
    void operator()(const std::string& value) const { to.set_string_param(value); }
  };
  std::visit(Set{to}, from);
}
}  // namespace

Result<InferMessage> decode_infer(const inference::ModelInferRequest& from) {
  InferMessage message;
  if (from.id().size() > kMaxIdBytes) {
    return fail(invalid(formatted("the id is longer than {} bytes", kMaxIdBytes)));
  }
  message.id = from.id();
  message.request.version = from.model_version();
  if (!from.parameters().empty()) {
    auto parameters = parameters_of("the request", from.parameters());
    if (!parameters) return fail(parameters.error());
    if (auto taken = take_reserved(std::move(*parameters), message); !taken) {
      return fail(taken.error());
    }
  }
  if (from.inputs_size() > static_cast<int>(kMaxTensors) ||
      from.outputs_size() > static_cast<int>(kMaxTensors)) {
    return fail(invalid(formatted("more than {} inputs or outputs", kMaxTensors)));
  }
  const bool raw = from.raw_input_contents_size() > 0;
  if (raw && from.raw_input_contents_size() != from.inputs_size()) {
    return fail(invalid(formatted("{} raw_input_contents for {} inputs",
                                  from.raw_input_contents_size(), from.inputs_size())));
  }
  message.request.inputs.reserve(static_cast<std::size_t>(from.inputs_size()));
  for (int i = 0; i < from.inputs_size(); ++i) {
    auto tensor = tensor_of(from.inputs(i), raw ? &from.raw_input_contents(i) : nullptr);
    if (!tensor) return fail(tensor.error());
    message.request.inputs.push_back(std::move(*tensor));
  }
  for (const auto& output : from.outputs()) {
    if (auto good = check_name("an output", output.name()); !good) return fail(good.error());
    message.request.outputs.push_back(output.name());
    if (output.parameters().empty()) continue;
    const std::string where = formatted("output '{}'", output.name());
    const auto parameters = parameters_of(where, output.parameters());
    if (!parameters) return fail(parameters.error());
    if (auto good = check_tensor_parameters(where, *parameters); !good) return fail(good.error());
  }
  return message;
}

void encode_infer(inference::ModelInferResponse& to, const InferMessage& asked,
                  const InferResponse& response) {
  to.set_model_name(response.model);
  to.set_model_version(response.version);
  if (!asked.id.empty()) to.set_id(asked.id);
  for (const auto& [name, value] : response.parameters) {
    set_parameter((*to.mutable_parameters())[name], value);
  }
  if (!response.errors.empty()) {
    (*to.mutable_parameters())[std::string(kErrorsParameter)].set_string_param(
        errors_json(response.errors));
  }
  for (const Tensor& tensor : response.outputs) {
    auto& output = *to.add_outputs();
    output.set_name(tensor.name);
    const std::string_view type = to_string(tensor.type);
    output.set_datatype(type.data(), type.size());
    const auto dims = tensor.shape.dims();
    output.mutable_shape()->Add(dims.begin(), dims.end());
    std::string& raw = *to.add_raw_output_contents();
    raw.reserve(raw_size(tensor));
    append_raw(raw, tensor);
  }
}

}  // namespace sluice::api::open_inference
