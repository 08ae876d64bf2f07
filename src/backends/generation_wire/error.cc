#include "backends/generation_wire/error.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::generation_wire {

namespace {
using std::chrono::milliseconds;
constexpr milliseconds kMaxRetryAfter = std::chrono::hours(24);

template <class T>
std::optional<T> number(std::optional<std::string_view> text) {
  T value{};
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < T{}) {
    return std::nullopt;
  }
  return value;
}

std::optional<milliseconds> retry_after(const http::HeaderList& headers) {
  constexpr auto kMost = static_cast<double>(kMaxRetryAfter.count());
  if (const auto ms = number<double>(headers.find("retry-after-ms"))) {
    return milliseconds(static_cast<std::int64_t>(std::min(*ms, kMost)));
  }
  if (const auto seconds = number<double>(headers.find("Retry-After"))) {
    return milliseconds(static_cast<std::int64_t>(std::min(*seconds * 1000, kMost)));
  }
  return std::nullopt;
}

Error of_status(int status, std::string_view said) {
  const auto with = [&](std::string text) {
    if (!said.empty()) text += formatted(": {}", said);
    return text;
  };
  switch (status) {
    case 401:
    case 403:
      return unavailable(with(formatted("the engine does not take our key ({})", status)));
    case 404:
      return unavailable(with("the engine does not have the model (404)"));
    case 413:
      return {ErrorCode::kTooLarge, with("the engine answered 413")};
    case 429:
      return {ErrorCode::kExhausted, with("the engine answered 429")};
    case 503:
      if (said.starts_with("server busy")) {
        return {ErrorCode::kExhausted, with("the engine answered 503")};
      }
      break;
    case 408:
    case 504:
      return timed_out(with(formatted("the engine answered {}", status)));
    case 405:
    // It is there and failed at this request, perhaps at every one like it.
    case 500:
    case 501:
      return internal(with(formatted("the engine answered {}", status)));
    default:
      break;
  }
  std::string text = with(formatted("the engine answered {}", status));
  if (status / 100 == 3) text += " (redirections are not followed)";
  return status / 100 == 4 ? invalid(std::move(text)) : unavailable(std::move(text));
}

// What the texts that stand for codes mean.
int status_of(std::string_view code) {
  if (const auto status = number<int>(code)) return *status >= 300 && *status < 600 ? *status : 0;
  if (code == "rate_limit_exceeded" || code == "rate_limit_error" || code == "insufficient_quota") {
    return 429;
  }
  if (code == "invalid_api_key" || code == "authentication_error") return 401;
  if (code == "model_not_found" || code == "not_found_error") return 404;
  if (code == "context_length_exceeded" || code == "exceed_context_size_error") return 400;
  return code == "invalid_request_error" || code == "BadRequestError" ? 400 : 0;
}

int status_in(const simdjson::dom::element& object) {
  for (const char* key : {"code", "type"}) {
    simdjson::dom::element value;
    if (object.at_key(key).get(value) != simdjson::SUCCESS) continue;
    std::int64_t status = 0;
    std::string_view text;
    if (value.get(status) == simdjson::SUCCESS && status >= 300 && status < 600) {
      return static_cast<int>(status);
    }
    if (value.get(text) == simdjson::SUCCESS && status_of(text) != 0) return status_of(text);
  }
  return 0;
}

// A prompt that is too long is told apart by its code, where the engine has one for it.
ErrorDetail detail_in(const simdjson::dom::element& object) {
  for (const char* key : {"code", "type"}) {
    std::string_view text;
    if (object.at_key(key).get(text) != simdjson::SUCCESS) continue;
    if (text == "context_length_exceeded" || text == "exceed_context_size_error") {
      return ErrorDetail::kContextLength;
    }
  }
  return ErrorDetail::kNone;
}

// The words of an error, in the forms that are about.
std::string said_by(const simdjson::dom::element& root) {
  for (const char* key : {"error", "message", "detail"}) {
    simdjson::dom::element found;
    if (root.at_key(key).get(found) != simdjson::SUCCESS || found.is_null()) continue;
    std::string_view text;
    if (found.get(text) == simdjson::SUCCESS) return bounded(text);
    if (found.at_key("message").get(text) == simdjson::SUCCESS) return bounded(text);
    return bounded(simdjson::minify(found));
  }
  return "";
}
}  // namespace

std::string bounded(std::string_view text) {
  std::size_t cut = std::min(text.size(), kMaxSaid);
  while (cut > 0 && cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) {
    --cut;
  }
  std::string out(text.substr(0, cut));
  if (!json::is_utf8(out)) return "(bytes that are no text)";
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  if (cut < text.size()) out += "...";
  return out;
}

Error error_of(int status, const http::HeaderList& headers, std::string_view body) {
  json::Reader reader;
  const auto root = reader.parse_copy(body.substr(0, kMaxErrorBody));
  const std::string said = root ? said_by(*root) : bounded(body);
  Error error = of_status(status, said);
  simdjson::dom::element object;
  if (root && root->at_key("error").get(object) == simdjson::SUCCESS) {
    error.detail = detail_in(object);
  }
  if (status == 429 || status == 503) error.retry_after = retry_after(headers);
  return error;
}

std::optional<Error> error_in(const simdjson::dom::element& root) {
  simdjson::dom::element object;
  std::string_view kind;
  if (root.at_key("error").get(object) != simdjson::SUCCESS || object.is_null()) {
    if (root.at_key("object").get(kind) != simdjson::SUCCESS || kind != "error") {
      return std::nullopt;
    }
    object = root;
  }
  const int status = status_in(object);
  const std::string said = said_by(root);
  if (status != 0) {
    Error error = of_status(status, said);
    error.detail = detail_in(object);
    return error;
  }
  if (said.starts_with("server busy")) return of_status(503, said);
  return internal(formatted("the engine gave up: {}",
                            said.empty() ? "it does not say why" : std::string_view(said)));
}

Error unreadable(std::string_view why) {
  return internal(formatted("the answer cannot be read: {}", why));
}

}  // namespace sluice::generation_wire
