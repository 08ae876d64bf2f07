#include "backends/tensorflow_serving/codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/format.h"
#include "rpc/status.h"
#include "rpc/tensorflow_serving.pb.h"
#include "rpc/tensorflow_tensor.h"

namespace sluice::tensorflow_serving {

namespace {
constexpr const char* kSignatureDef = "signature_def";

void fill_spec(wire::ModelSpec& to, const TensorflowServingOptions& options) {
  to.set_name(options.model);
  if (options.version) {
    to.mutable_version()->set_value(*options.version);
  } else if (!options.label.empty()) {
    to.set_version_label(options.label);
  }
}

using InfoMap = google::protobuf::Map<std::string, tensorflow::TensorInfo>;

Result<std::vector<TensorInfo>> read_tensors(std::string_view what, const InfoMap& from) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, info] : from) {
    const auto type = rpc::from_tensorflow(info.dtype());
    if (!type) {
      return fail(invalid(formatted("{} '{}' is a {}, which Sluice has no tensors for", what, name,
                                    rpc::tensorflow_name(info.dtype()))));
    }
    auto shape = rpc::shape_from_proto(info.tensor_shape());
    if (!shape) return fail(invalid(formatted("{} '{}': {}", what, name, shape.error().message)));
    infos.push_back({name, *type, *shape});
  }
  std::ranges::sort(infos, {}, &TensorInfo::name);
  return infos;
}

std::string names_of(const google::protobuf::Map<std::string, tensorflow::SignatureDef>& all) {
  std::vector<std::string> names;
  for (const auto& [name, signature] : all) names.push_back(name);
  std::ranges::sort(names);
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Error no_prediction(std::string_view why) {
  return internal(formatted("the answer is no prediction: {}", why));
}
}  // namespace

void fill_request(wire::PredictRequest& to, const TensorflowServingOptions& options,
                  const InferRequest& request) {
  fill_spec(*to.mutable_model_spec(), options);
  to.mutable_model_spec()->set_signature_name(options.signature);
  for (const Tensor& tensor : request.inputs) {
    rpc::tensor_to_proto(tensor, (*to.mutable_inputs())[tensor.name]);
  }
  for (const std::string& name : request.outputs) to.add_output_filter(name);
}

void fill_request(wire::GetModelMetadataRequest& to, const TensorflowServingOptions& options) {
  fill_spec(*to.mutable_model_spec(), options);
  to.add_metadata_field(kSignatureDef);
}

void fill_request(wire::GetModelStatusRequest& to, const TensorflowServingOptions& options) {
  fill_spec(*to.mutable_model_spec(), options);
}

Result<Description> read_metadata(const wire::GetModelMetadataResponse& from,
                                  const TensorflowServingOptions& options, std::string name) {
  const auto found = from.metadata().find(kSignatureDef);
  wire::SignatureDefMap signatures;
  if (found == from.metadata().end() || !found->second.UnpackTo(&signatures)) {
    return fail(invalid(formatted("the metadata has no {}", kSignatureDef)));
  }
  const auto signature = signatures.signature_def().find(options.signature);
  if (signature == signatures.signature_def().end()) {
    return fail(invalid(formatted("there is no signature '{}'; there are: {}", options.signature,
                                  names_of(signatures.signature_def()))));
  }
  auto inputs = read_tensors("input", signature->second.inputs());
  if (!inputs) return fail(std::move(inputs.error()));
  auto outputs = read_tensors("output", signature->second.outputs());
  if (!outputs) return fail(std::move(outputs.error()));
  return Description{.name = std::move(name),
                     .platform = "tensorflow_serving",
                     .version = std::to_string(from.model_spec().version().value()),
                     .inputs = std::move(*inputs),
                     .outputs = std::move(*outputs),
                     .properties = {{"signature", options.signature}}};
}

Result<std::int64_t> read_status(const wire::GetModelStatusResponse& from,
                                 const TensorflowServingOptions& options) {
  std::optional<std::int64_t> latest;
  std::string why;
  for (const auto& status : from.model_version_status()) {
    if (options.version && status.version() != *options.version) continue;
    if (status.state() == wire::ModelVersionStatus::AVAILABLE) {
      latest = std::max(latest.value_or(status.version()), status.version());
      continue;
    }
    const auto state = wire::ModelVersionStatus::State_Name(status.state());
    why += formatted("{}version {} is {}", why.empty() ? "" : ", ", status.version(),
                     state.empty() ? "in an unknown state" : state);
    if (const std::string& said = status.status().error_message(); !said.empty()) {
      why += formatted(" ({})", said.substr(0, rpc::kMaxStatusMessage));
    }
  }
  if (latest) return *latest;
  return fail(unavailable(why.empty() ? "no version is available" : why));
}

Result<InferResponse> read_prediction(const wire::PredictResponse& from,
                                      const Description& description, const InferRequest& asked) {
  InferResponse response{.model = description.name, .version = description.version};
  if (from.model_spec().has_version()) {
    response.version = std::to_string(from.model_spec().version().value());
  }
  for (const TensorInfo& info : description.outputs) {
    if (!asked.wants(info.name)) continue;
    const auto found = from.outputs().find(info.name);
    if (found == from.outputs().end()) {
      return fail(no_prediction(formatted("output '{}' is missing", info.name)));
    }
    auto tensor = rpc::tensor_from_proto(info.name, found->second);
    if (!tensor) return fail(no_prediction(tensor.error().message));
    if (tensor->type != info.type || !tensor->shape.matches(info.shape)) {
      return fail(no_prediction(formatted(
          "output '{}' is {} {}, not {} {}", info.name, rpc::tensorflow_name(tensor->type),
          to_string(tensor->shape), rpc::tensorflow_name(info.type), to_string(info.shape))));
    }
    response.outputs.push_back(std::move(*tensor));
  }
  return response;
}

InferRequest made_up_request(const Description& description) {
  InferRequest request;
  for (const TensorInfo& info : description.inputs) {
    Shape shape = info.shape;
    for (std::size_t i = 0; i < shape.rank(); ++i) shape[i] = shape[i] < 0 ? 1 : shape[i];
    Tensor tensor = make_tensor(info.name, info.type, shape);
    std::ranges::fill(tensor.data.bytes(), std::byte{});
    request.inputs.push_back(std::move(tensor));
  }
  return request;
}

}  // namespace sluice::tensorflow_serving
