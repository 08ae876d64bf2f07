#include "api/open_inference/json_tensor.h"
#include "api/open_inference/raw_tensor.h"
#include "api/open_inference/rest_codec.h"
#include "http/json/writer.h"

namespace sluice::api::open_inference {

namespace {
void write_parameters(json::Writer& out, const InferResponse& response) {
  if (response.parameters.empty() && response.errors.empty()) return;
  out.key("parameters").begin_object();
  for (const auto& [name, value] : response.parameters) {
    out.key(name);
    std::visit([&](const auto& v) { out.value(v); }, value);
  }
  if (!response.errors.empty()) out.field(kErrorsParameter, errors_json(response.errors));
  out.end_object();
}
}  // namespace

Result<std::optional<std::size_t>> encode_infer(std::string& out, const InferMessage& asked,
                                                const InferResponse& response) {
  const std::size_t start = out.size();
  bool any_binary = false;
  json::Writer json(out);
  json.begin_object().field("model_name", response.model).field("model_version", response.version);
  if (!asked.id.empty()) json.field("id", asked.id);
  write_parameters(json, response);
  json.key("outputs").begin_array();
  for (const Tensor& tensor : response.outputs) {
    json.begin_object().field("name", tensor.name).field("datatype", to_string(tensor.type));
    json.key("shape").begin_array();
    for (const std::int64_t dim : tensor.shape.dims()) json.value(dim);
    json.end_array();
    if (asked.wants_binary(tensor.name)) {
      any_binary = true;
      json.key("parameters").begin_object();
      json.field("binary_data_size", raw_size(tensor)).end_object();
    } else {
      json.key("data");
      if (auto written = append_json(out, tensor); !written) return fail(written.error());
    }
    json.end_object();
  }
  json.end_array().end_object();
  if (!any_binary) return std::nullopt;
  const std::size_t size = out.size() - start;
  for (const Tensor& tensor : response.outputs) {
    if (asked.wants_binary(tensor.name)) append_raw(out, tensor);
  }
  return size;
}

std::string error_json(std::string_view message) {
  std::string text;
  json::Writer(text).begin_object().field("error", message).end_object();
  return text;
}

}  // namespace sluice::api::open_inference
