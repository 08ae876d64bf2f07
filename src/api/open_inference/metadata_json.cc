#include "api/open_inference/metadata_json.h"

#include "http/json/writer.h"

namespace sluice::api::open_inference {

namespace {
void write_tensors(json::Writer& out, std::string_view key,
                   const std::vector<TensorInfo>& tensors) {
  out.key(key).begin_array();
  for (const TensorInfo& tensor : tensors) {
    out.begin_object().field("name", tensor.name).field("datatype", to_string(tensor.type));
    out.key("shape").begin_array();
    for (const std::int64_t dim : tensor.shape.dims()) out.value(dim);
    out.end_array().end_object();
  }
  out.end_array();
}
}  // namespace

std::string server_metadata_json(std::string_view version) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("name", kServerName).field("version", version);
  out.key("extensions").begin_array();
  for (const std::string_view extension : kExtensions) out.value(extension);
  out.end_array().end_object();
  return text;
}

std::string model_metadata_json(std::string_view name, const ModelFacts& facts) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("name", name);
  out.key("versions").begin_array();
  for (const std::string& version : facts.versions) out.value(version);
  out.end_array().field("platform", facts.description->platform);
  write_tensors(out, "inputs", facts.description->inputs);
  write_tensors(out, "outputs", facts.description->outputs);
  if (!facts.description->properties.empty()) {
    out.key("properties").begin_object();
    for (const auto& [key, value] : facts.description->properties) {
      out.field(key, property_text(value));
    }
    out.end_object();
  }
  out.end_object();
  return text;
}

std::string index_json(const std::vector<IndexRow>& rows) {
  std::string text;
  json::Writer out(text);
  out.begin_array();
  for (const IndexRow& row : rows) {
    out.begin_object().field("name", row.name).field("version", row.version);
    out.field("state", row.state).field("reason", row.reason).end_object();
  }
  out.end_array();
  return text;
}

std::string property_text(const Parameter& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  std::string text;
  json::Writer out(text);
  std::visit([&](const auto& v) { out.value(v); }, value);
  return text;
}

}  // namespace sluice::api::open_inference
