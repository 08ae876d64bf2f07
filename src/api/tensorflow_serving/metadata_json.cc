#include "api/tensorflow_serving/metadata_json.h"

#include <algorithm>

#include "http/json/writer.h"
#include "rpc/status.h"
#include "rpc/tensorflow_tensor.h"

namespace sluice::api::tensorflow_serving {

namespace {
void write_tensor(json::Writer& out, const TensorInfo& tensor, MetadataForm form) {
  const bool full = form == MetadataForm::kFull;
  out.key(tensor.name).begin_object();
  out.field("dtype", rpc::tensorflow_name(tensor.type));
  out.key("tensor_shape").begin_object().key("dim").begin_array();
  for (const std::int64_t dim : tensor.shape.dims()) {
    out.begin_object().field("size", std::to_string(dim));
    if (full) out.field("name", "");
    out.end_object();
  }
  out.end_array();
  if (full) out.field("unknown_rank", false);
  out.end_object();
  if (full) out.field("name", tensor.name);
  out.end_object();
}

void write_tensors(json::Writer& out, std::string_view key, const std::vector<TensorInfo>& tensors,
                   MetadataForm form) {
  out.key(key).begin_object();
  for (const TensorInfo& tensor : tensors) write_tensor(out, tensor, form);
  out.end_object();
}
}  // namespace

std::string metadata_json(std::string_view model, const Description& description,
                          MetadataForm form) {
  const bool full = form == MetadataForm::kFull;
  std::string text;
  json::Writer out(text);
  out.begin_object().key("model_spec").begin_object();
  out.field("name", model);
  if (full) out.field("signature_name", "");
  out.field("version", std::to_string(version_number(description.version)));
  out.end_object();
  out.key("metadata").begin_object().key(kSignatureDef).begin_object();
  if (full) out.key(kSignatureDef).begin_object();
  out.key(kServingDefault).begin_object();
  write_tensors(out, "inputs", description.inputs, form);
  write_tensors(out, "outputs", description.outputs, form);
  if (full) out.field("method_name", kPredictMethod).key("defaults").begin_object().end_object();
  out.end_object();
  if (full) out.end_object();
  out.end_object().end_object().end_object();
  return text;
}

std::string status_json(const std::vector<VersionStatus>& statuses) {
  std::string text;
  json::Writer out(text);
  out.begin_object().key("model_version_status").begin_array();
  for (const VersionStatus& status : statuses) {
    out.begin_object().field("version", std::to_string(status.version));
    out.field("state", to_string(status.state));
    out.key("status").begin_object();
    out.field("error_code", rpc::status_name(status.error_code));
    out.field("error_message", status.error_message);
    out.end_object().end_object();
  }
  out.end_array().end_object();
  return text;
}

}  // namespace sluice::api::tensorflow_serving
