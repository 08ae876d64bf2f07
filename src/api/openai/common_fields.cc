#include "api/openai/common_fields.h"

#include <charconv>

#include "api/generation/sampling.h"
#include "base/format.h"

namespace sluice::api::openai {

namespace {
using simdjson::dom::element;

constexpr std::int64_t kMostTokens = 1'000'000'000;
constexpr std::size_t kMaxLogitBias = 1024;
constexpr std::size_t kMaxContentParts = 1024;

void read_logit_bias(const Fields& f, Sampling& sampling) {
  const auto value = f.get("logit_bias");
  if (!value) return;
  simdjson::dom::object biases;
  if (value->get(biases) != simdjson::SUCCESS) {
    return f.fault("logit_bias", "'logit_bias' must be an object of token ids and numbers");
  }
  for (const auto& [token, bias] : biases) {
    std::int32_t id = 0;
    double added = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), id);
    if (error != std::errc() || end != token.data() + token.size() || id < 0 ||
        bias.get(added) != simdjson::SUCCESS || added < -100 || added > 100) {
      return f.fault(
          "logit_bias",
          "'logit_bias' must give token ids numbers from -100 to 100: {\"50256\": -100}");
    }
    sampling.logit_bias.emplace_back(id, added);
    if (sampling.logit_bias.size() > kMaxLogitBias) {
      return f.fault("logit_bias",
                     formatted("'logit_bias' may have at most {} tokens", kMaxLogitBias));
    }
  }
}

Constraint schema_of(const Fields& f, std::string_view name) {
  const auto schema = f.get(name);
  if (!schema || !schema->is_object()) {
    f.fault(name, formatted("'{}' must be a JSON schema", f.path_of(name)));
    return {};
  }
  return {Constraint::Kind::kJsonSchema, generation::json_text(*schema)};
}

Constraint read_format(const Fields& f) {
  const auto value = f.get("response_format");
  if (!value) return {};
  const Fields format(*value, f.faults(), "response_format");
  const std::string_view type = format.needed_text("type");
  if (type == "json_object") {
    // llama.cpp's server takes a schema here.
    return format.get("schema") ? schema_of(format, "schema")
                                : Constraint{Constraint::Kind::kJson, {}};
  }
  if (type == "json_schema") {
    const auto inner = format.get("json_schema");
    if (inner) {
      return schema_of(Fields(*inner, f.faults(), "response_format.json_schema"), "schema");
    }
    format.fault("json_schema", "'response_format.json_schema' is missing");
  } else if (type != "text") {
    format.fault("type",
                 formatted("'response_format.type' must be text, json_object or json_schema, "
                           "got '{}'",
                           type));
  }
  return {};
}

void read_constraint(const Fields& f, Constraint& constraint) {
  constraint = read_format(f);
  std::optional<Constraint> other;
  if (const auto grammar = f.text("grammar"); grammar && !grammar->empty()) {
    other = Constraint{Constraint::Kind::kGrammar, std::string(*grammar)};
  } else if (f.get("json_schema")) {
    other = schema_of(f, "json_schema");
  } else if (f.get("guided_json")) {
    other = schema_of(f, "guided_json");
  }
  if (!other) return;
  if (constraint.kind != Constraint::Kind::kNone) {
    return f.fault("response_format", "an answer can be held to one grammar or schema only");
  }
  constraint = std::move(*other);
}

void read_max_tokens(const Fields& f, GenerateRequest& request) {
  const auto newer = f.integer("max_completion_tokens", -1, kMostTokens);
  const auto most = newer ? newer : f.integer("max_tokens", -1, kMostTokens);
  // -1 is how some engines say "no bound".
  if (most && *most >= 0) request.max_tokens = static_cast<std::uint32_t>(*most);
}

}  // namespace

std::optional<ServiceClass> priority_of(const Fields& f) {
  const auto value = f.get("priority");
  if (value && value->is_number()) return std::nullopt;  // in which nothing is promised
  return generation::read_priority(f);
}

void read_common(const Fields& f, GenerateAsked& asked) {
  GenerateRequest& request = asked.request;
  asked.model = f.text("model").value_or("");
  asked.priority = priority_of(f);
  request.stream = f.boolean("stream").value_or(false);
  if (const auto options = f.get("stream_options")) {
    const Fields stream(*options, f.faults(), "stream_options");
    asked.include_usage = stream.boolean("include_usage").value_or(false);
  }
  read_max_tokens(f, request);
  request.choices = static_cast<std::uint32_t>(f.integer("n", 1, kMaxChoices).value_or(1));
  request.stop = generation::read_stops(f);
  request.sampling.temperature = 1.0;
  if (const auto penalty = f.number("repetition_penalty", 0, 100)) {
    request.sampling.repeat_penalty = penalty;
  }
  generation::read_sampling(f, request.sampling);
  request.sampling.ignore_end = f.boolean("ignore_eos").value_or(false);
  read_logit_bias(f, request.sampling);
  read_constraint(f, request.constraint);
}

std::string read_content(const Fields& message) {
  const auto value = message.get("content");
  if (!value) return {};
  if (!value->is_array()) return std::string(message.text("content").value_or(""));
  const auto parts = message.array("content", kMaxContentParts);
  if (!parts) return {};
  std::string text;
  std::size_t i = 0;
  for (const element entry : *parts) {
    const Fields part(entry, message.faults(),
                      formatted("{}[{}]", message.path_of("content"), i++));
    const std::string_view type = part.needed_text("type");
    if (type == "text") {
      text += part.needed_text("text");
    } else if (type == "refusal") {
      text += part.needed_text("refusal");
    } else {
      part.fault("type", formatted("only parts of type text are served, not '{}'", type));
    }
  }
  return text;
}

}  // namespace sluice::api::openai
