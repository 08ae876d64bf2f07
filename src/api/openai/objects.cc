// The answers that are no text: vectors and models.
#include <bit>
#include <cstring>

#include "api/openai/answer.h"
#include "base/base64.h"
#include "http/json/writer.h"

namespace sluice::api::openai {

namespace {

static_assert(std::endian::native == std::endian::little, "vectors are sent as they lie in memory");

void write_vector(json::Writer& writer, const std::vector<float>& vector, bool base64) {
  writer.key("embedding");
  if (base64) {
    const std::string_view bytes(reinterpret_cast<const char*>(vector.data()),
                                 vector.size() * sizeof(float));
    std::string text;
    append_base64(text, bytes);
    writer.value(text);
    return;
  }
  writer.begin_array();
  for (const float value : vector) writer.value(value);
  writer.end_array();
}

void write_model(json::Writer& writer, const Callable& callable, std::int64_t created) {
  writer.begin_object()
      .field("id", callable.describe().name)
      .field("object", "model")
      .field("created", created)
      .field("owned_by", "sluice")
      .end_object();
}

}  // namespace

std::string embedding_json(const EmbedAsked& asked, const EmbedResponse& response) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().field("object", "list").key("data").begin_array();
  for (std::size_t i = 0; i < response.vectors.size(); ++i) {
    writer.begin_object().field("object", "embedding").field("index", i);
    write_vector(writer, response.vectors[i], asked.base64);
    writer.end_object();
  }
  writer.end_array().field("model", response.model).key("usage").begin_object();
  writer.field("prompt_tokens", response.prompt_tokens)
      .field("total_tokens", response.prompt_tokens)
      .end_object()
      .end_object();
  return out;
}

std::string models_json(const std::vector<const Callable*>& callables, std::int64_t created) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().field("object", "list").key("data").begin_array();
  for (const Callable* callable : callables) write_model(writer, *callable, created);
  writer.end_array().end_object();
  return out;
}

std::string model_json(const Callable& callable, std::int64_t created) {
  std::string out;
  json::Writer writer(out);
  write_model(writer, callable, created);
  return out;
}

}  // namespace sluice::api::openai
