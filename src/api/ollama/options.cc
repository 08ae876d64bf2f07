#include "api/ollama/options.h"

#include "api/generation/sampling.h"
#include "base/format.h"

namespace sluice::api::ollama {

namespace {
constexpr std::int64_t kMostTokens = 1'000'000'000;
constexpr double kMostSeconds = 9e9;
}  // namespace

void add_defaults(Sampling& sampling) {
  const auto fill = [](auto& option, auto value) { option = option.value_or(value); };
  fill(sampling.temperature, 0.8);
  fill(sampling.top_k, 40);
  fill(sampling.top_p, 0.9);
  fill(sampling.min_p, 0.0);
  fill(sampling.repeat_penalty, 1.1);
  fill(sampling.repeat_last_n, 64);
}

std::optional<std::uint32_t> read_context(const Fields& options) {
  const auto context = options.integer("num_ctx", 0, kMostTokens);
  if (!context || *context == 0) return std::nullopt;
  return static_cast<std::uint32_t>(*context);
}

void read_options(const Fields& f, GenerateAsked& asked) {
  const auto value = f.get("options");
  if (!value) return;
  const Fields options(*value, f.faults(), "options");
  generation::read_sampling(options, asked.request.sampling);
  asked.request.stop = generation::read_stops(options);
  asked.request.context = read_context(options);
  // -1: without end; -2: until the context is full.
  const auto most = options.integer("num_predict", -2, kMostTokens);
  if (most && *most > 0) asked.request.max_tokens = static_cast<std::uint32_t>(*most);
}

Constraint read_format(const Fields& f) {
  const auto value = f.get("format");
  if (!value) return {};
  if (value->is_object()) {
    return {Constraint::Kind::kJsonSchema, generation::json_text(*value)};
  }
  const std::string_view format = f.text("format").value_or("");
  if (format == "json") return {Constraint::Kind::kJson, {}};
  if (!format.empty()) {
    f.fault("format", formatted("'format' must be \"json\" or a JSON schema, got \"{}\"",
                                format.substr(0, 100)));
  }
  return {};
}

std::optional<Duration> read_keep_alive(const Fields& f) {
  const auto value = f.get("keep_alive");
  if (!value) return std::nullopt;
  if (value->is_number()) {
    const auto seconds = f.number("keep_alive", -kMostSeconds, kMostSeconds);
    if (!seconds) return std::nullopt;
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
  }
  const auto text = f.text("keep_alive");
  if (!text || text->empty()) return std::nullopt;
  const auto duration = parse_duration(*text);
  if (!duration) {
    f.fault("keep_alive",
            formatted("'keep_alive' must be seconds or a duration like \"5m\", got \"{}\"",
                      text->substr(0, 100)));
  }
  return duration;
}

void refuse_images(const Fields& f) {
  const auto images = f.array("images", 1000);
  if (images && images->size() > 0) {
    f.fault("images", formatted("'{}' is not served: models here read text", f.path_of("images")));
  }
}

}  // namespace sluice::api::ollama
