#include "api/tensorflow_serving/rpc_codec.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "rpc/tensorflow_serving.pb.h"
#include "rpc/tensorflow_tensor.h"

namespace sluice::api::tensorflow_serving {

namespace {
void fill_spec(wire::ModelSpec& to, std::string_view model, std::string_view version) {
  to.set_name(std::string(model));
  to.mutable_version()->set_value(version_number(version));
}

void fill_tensors(const std::vector<TensorInfo>& from,
                  google::protobuf::Map<std::string, tensorflow::TensorInfo>& to) {
  for (const TensorInfo& info : from) {
    tensorflow::TensorInfo& made = to[info.name];
    made.set_name(info.name);
    made.set_dtype(static_cast<tensorflow::DataType>(rpc::to_tensorflow(info.type)));
    rpc::shape_to_proto(info.shape, *made.mutable_tensor_shape());
  }
}
}  // namespace

ModelChoice choice_of(const wire::ModelSpec& spec) {
  ModelChoice choice{.model = spec.name()};
  if (spec.has_version()) choice.version = spec.version().value();
  if (spec.has_version_label()) choice.label = spec.version_label();
  return choice;
}

Result<InferRequest> decode_predict(const wire::PredictRequest& from) {
  InferRequest request;
  if (from.inputs_size() > static_cast<int>(kMaxTensors) ||
      from.output_filter_size() > static_cast<int>(kMaxTensors)) {
    return fail(invalid(formatted("more than {} inputs or filtered outputs", kMaxTensors)));
  }
  request.inputs.reserve(static_cast<std::size_t>(from.inputs_size()));
  for (const auto& [name, proto] : from.inputs()) {
    if (auto good = check_name("an input", name); !good) return fail(std::move(good.error()));
    auto tensor = rpc::tensor_from_proto(name, proto);
    if (!tensor) return fail(std::move(tensor.error()));
    request.inputs.push_back(std::move(*tensor));
  }
  for (const std::string& name : from.output_filter()) {
    if (auto good = check_name("an output", name); !good) return fail(std::move(good.error()));
    if (std::ranges::contains(request.outputs, name)) {
      return fail(invalid(formatted("output '{}' is in output_filter twice", name)));
    }
    request.outputs.push_back(name);
  }
  return request;
}

void encode_predict(wire::PredictResponse& to, std::string_view model, std::string_view version,
                    const InferResponse& response) {
  fill_spec(*to.mutable_model_spec(), model, version);
  to.mutable_model_spec()->set_signature_name(std::string(kServingDefault));
  auto& outputs = *to.mutable_outputs();
  for (const Tensor& tensor : response.outputs) rpc::tensor_to_proto(tensor, outputs[tensor.name]);
}

Result<> check_metadata_fields(const wire::GetModelMetadataRequest& from) {
  if (from.metadata_field().empty()) {
    return fail(
        invalid(formatted("metadata_field is empty; '{}' can be asked for", kSignatureDef)));
  }
  for (const std::string& field : from.metadata_field()) {
    if (field == kSignatureDef) continue;
    return fail(invalid(
        formatted("there is no metadata '{}', only '{}'", field.substr(0, 100), kSignatureDef)));
  }
  return {};
}

void encode_metadata(wire::GetModelMetadataResponse& to, std::string_view model,
                     const Description& description) {
  fill_spec(*to.mutable_model_spec(), model, description.version);
  wire::SignatureDefMap signatures;
  auto& signature = (*signatures.mutable_signature_def())[std::string(kServingDefault)];
  fill_tensors(description.inputs, *signature.mutable_inputs());
  fill_tensors(description.outputs, *signature.mutable_outputs());
  signature.set_method_name(std::string(kPredictMethod));
  (*to.mutable_metadata())[std::string(kSignatureDef)].PackFrom(signatures);
}

void encode_status(wire::GetModelStatusResponse& to, const std::vector<VersionStatus>& statuses) {
  for (const VersionStatus& status : statuses) {
    auto& made = *to.add_model_version_status();
    made.set_version(status.version);
    made.set_state(static_cast<wire::ModelVersionStatus::State>(status.state));
    made.mutable_status()->set_error_code(status.error_code);
    made.mutable_status()->set_error_message(status.error_message);
  }
}

}  // namespace sluice::api::tensorflow_serving
