// The answers that are no text: vectors and models.
#include <algorithm>

#include "api/generation/face.h"
#include "api/ollama/answer.h"
#include "base/digest.h"
#include "base/format.h"
#include "base/timestamp.h"
#include "http/json/writer.h"
#include "inference/capability.h"
#include "inference/residency_status.h"

namespace sluice::api::ollama {

namespace {

// How Ollama says it.
constexpr Duration kForEver = std::chrono::hours(24 * 365 * 100);

std::string text_of(const Description& description, std::string_view name) {
  const auto found = description.properties.find(name);
  if (found == description.properties.end()) return {};
  if (const auto* text = std::get_if<std::string>(&found->second)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&found->second)) {
    return std::to_string(*number);
  }
  return {};
}

std::int64_t number_of(const Description& description, std::string_view name) {
  const auto found = description.properties.find(name);
  if (found == description.properties.end()) return 0;
  const auto* number = std::get_if<std::int64_t>(&found->second);
  return number == nullptr ? 0 : *number;
}

WallTime modified_at(const Description& description, WallTime otherwise) {
  const std::int64_t at = number_of(description, "modified");
  return at == 0 ? otherwise : WallTime(std::chrono::seconds(at));
}

std::uint64_t size_of(const Description& description) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, number_of(description, "size")));
}

// The number of weights as people say it: 134M, 7.2B.
std::string parameter_size(const Description& description) {
  const auto count = static_cast<double>(number_of(description, "parameters"));
  if (count == 0) return text_of(description, "parameters");
  if (count >= 1e9) return formatted("{:.1f}B", count / 1e9);
  return count >= 1e6 ? formatted("{:.2f}M", count / 1e6) : formatted("{:.0f}", count);
}

// Clients show its beginning. Of what is known of the model, not of its bytes: those may be large,
// or elsewhere.
std::string digest_of(const Description& description) {
  std::string known = description.name + '\n' + description.platform + '\n' + description.version;
  for (const auto& [name, value] : description.properties) {
    known += '\n' + name + '=' + text_of(description, name);
  }
  return hex(sha256(known));
}

std::string timestamp(WallTime at) {
  std::string text;
  append_timestamp(text, at);
  return text;
}

void write_details(json::Writer& writer, const Description& description) {
  const std::string family = text_of(description, "architecture");
  writer.key("details")
      .begin_object()
      .field("parent_model", "")
      .field("format", description.platform == "llama_cpp" ? "gguf" : "")
      .field("family", family)
      .key("families")
      .begin_array();
  if (!family.empty()) writer.value(family);
  writer.end_array()
      .field("parameter_size", parameter_size(description))
      .field("quantization_level", text_of(description, "quantization"))
      .end_object();
}

void open_model(json::Writer& writer, const Description& description, std::uint64_t size) {
  const std::string name = description.name + ":latest";
  writer.begin_object()
      .field("name", name)
      .field("model", name)
      .field("size", size)
      .field("digest", digest_of(description));
  write_details(writer, description);
}

}  // namespace

std::string embed_json(const EmbedResponse& response, const telemetry::GenerationTimings& timings) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().field("model", response.model).key("embeddings").begin_array();
  for (const std::vector<float>& vector : response.vectors) {
    writer.begin_array();
    for (const float value : vector) writer.value(value);
    writer.end_array();
  }
  writer.end_array()
      .field("total_duration", timings.total().count())
      .field("load_duration", timings.load.count())
      .field("prompt_eval_count", response.prompt_tokens)
      .end_object();
  return out;
}

std::string embeddings_json(const EmbedResponse& response) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("embedding").begin_array();
  if (!response.vectors.empty()) {
    for (const float value : response.vectors.front()) writer.value(value);
  }
  writer.end_array().end_object();
  return out;
}

std::string tags_json(const std::vector<const Callable*>& callables, WallTime otherwise) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("models").begin_array();
  for (const Callable* callable : callables) {
    const Description& description = callable->describe();
    open_model(writer, description, size_of(description));
    writer.field("modified_at", timestamp(modified_at(description, otherwise))).end_object();
  }
  writer.end_array().end_object();
  return out;
}

std::string running_json(const std::vector<const Callable*>& callables, WallTime now) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("models").begin_array();
  for (const Callable* callable : callables) {
    const auto* resident = find_capability<Resident>(*callable);
    if (!(resident != nullptr ? resident->loaded() : callable->ready().has_value())) continue;
    const Description& description = callable->describe();
    open_model(writer, description, resident != nullptr ? resident->bytes() : size_of(description));
    const auto left = resident != nullptr ? resident->leaves_in() : std::nullopt;
    writer.field("expires_at", timestamp(now + std::min(left.value_or(kForEver), kForEver)))
        .field("size_vram", 0)
        .field("context_length", number_of(description, "context"))
        .end_object();
  }
  writer.end_array().end_object();
  return out;
}

std::string show_json(const Description& description, WallTime otherwise) {
  const std::string family = text_of(description, "architecture");
  std::string out;
  json::Writer writer(out);
  writer.begin_object()
      .field("modelfile", formatted("FROM {}\n", description.name))
      .field("parameters", "")
      .field("template", text_of(description, "chat_template"));
  write_details(writer, description);
  writer.key("model_info").begin_object().field("general.basename", description.name);
  if (!family.empty()) writer.field("general.architecture", family);
  if (const auto count = number_of(description, "parameters"); count != 0) {
    writer.field("general.parameter_count", count);
  }
  if (const auto context = number_of(description, "context"); context != 0 && !family.empty()) {
    writer.field(family + ".context_length", context);
  }
  if (const auto length = number_of(description, "embedding_length");
      length != 0 && !family.empty()) {
    writer.field(family + ".embedding_length", length);
  }
  writer.end_object().key("capabilities").begin_array();
  if (description.takes == RequestKind::kEmbed) {
    writer.value("embedding");
  } else {
    writer.value("completion");
    // An engine behind a wire does not say; most take tools, and some think.
    if (generation::says(description, "tools").value_or(true)) writer.value("tools");
    if (generation::says(description, "reasoning").value_or(false)) writer.value("thinking");
  }
  writer.end_array()
      .field("modified_at", timestamp(modified_at(description, otherwise)))
      .end_object();
  return out;
}

}  // namespace sluice::api::ollama
