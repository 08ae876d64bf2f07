#include "backends/http_predict/codec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "base/format.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::http_predict {

namespace {
constexpr std::size_t kMostDetail = 200;
constexpr std::size_t kBytesANumber = 12;
constexpr int kMostRetryAfter = 24 * 60 * 60;

Error not_a_prediction(std::string_view why) {
  return internal(formatted("the answer is no prediction: {}", why));
}

// Appends the numbers of a row, and gives how many.
Result<std::size_t> append_row(const simdjson::dom::element& row, std::string_view where,
                               std::vector<float>& out) {
  simdjson::dom::array numbers;
  if (row.get(numbers) != simdjson::SUCCESS) {
    return fail(not_a_prediction(
        formatted("{} should be an array of numbers, is {}", where, json::kind_of(row))));
  }
  std::size_t count = 0;
  for (const simdjson::dom::element value : numbers) {
    double number = 0;
    if (value.get(number) != simdjson::SUCCESS) {
      return fail(not_a_prediction(
          formatted("{}[{}] should be a number, is {}", where, count, json::kind_of(value))));
    }
    if (std::abs(number) > static_cast<double>(std::numeric_limits<float>::max())) {
      return fail(not_a_prediction(formatted("{}[{}] does not fit FP32", where, count)));
    }
    out.push_back(static_cast<float>(number));
    ++count;
  }
  if (count == 0) return fail(not_a_prediction(formatted("{} is empty", where)));
  return count;
}

Tensor to_tensor(std::string name, const std::vector<float>& numbers, std::size_t rows,
                 std::size_t classes) {
  Tensor tensor =
      make_tensor(std::move(name), DataType::kFp32,
                  {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(classes)});
  std::ranges::copy(numbers, tensor.as<float>().begin());
  return tensor;
}

ErrorCode code_of(int status) {
  switch (status) {
    case 429:
      return ErrorCode::kExhausted;
    case 408:
    case 504:
      return ErrorCode::kTimeout;
    case 413:
      return ErrorCode::kTooLarge;
    case 401:
    case 403:
    case 404:
    case 405:
    // It is there and failed at this request, perhaps at every one like it.
    case 500:
    case 501:
      return ErrorCode::kInternal;
    default:
      return status / 100 == 4 ? ErrorCode::kInvalid : ErrorCode::kUnavailable;
  }
}

std::optional<std::chrono::milliseconds> retry_after(const http::ClientResponse& response) {
  const auto text = response.headers.find("Retry-After");
  int seconds = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size() || seconds < 0)
    return std::nullopt;
  return std::chrono::seconds(std::min(seconds, kMostRetryAfter));
}
}  // namespace

Result<std::string> write_rows(const Tensor& rows) {
  const auto numbers = rows.as<float>();
  if (numbers.empty()) {
    return fail(invalid(formatted("input '{}' has no rows", rows.name)));
  }
  const auto columns = static_cast<std::size_t>(rows.shape[1]);
  std::string body;
  body.reserve(16 + numbers.size() * kBytesANumber);
  body += R"({"data":[)";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!std::isfinite(numbers[i])) {
      return fail(invalid(formatted("input '{}', row {}, column {}: {} cannot be sent as JSON",
                                    rows.name, i / columns, i % columns, numbers[i])));
    }
    body += i % columns != 0 ? "," : i == 0 ? "[" : "],[";
    json::append_number(body, numbers[i]);
  }
  body += "]]}";
  return body;
}

struct AnswerReader::Impl {
  json::Reader reader;

  // What an error's body says, as far as it can be told: problem+json and FastAPI have `detail`,
  // others `error` or `message`.
  std::string detail(std::string_view body) {
    if (const auto root = reader.parse(body)) {
      for (const char* key : {"detail", "message", "error"}) {
        const auto found = root->at_key(key);
        if (found.error() != simdjson::SUCCESS) continue;
        std::string_view text;
        if (found.get(text) == simdjson::SUCCESS) return std::string(text.substr(0, kMostDetail));
        if (const auto inner = found.at_key("message"); inner.get(text) == simdjson::SUCCESS) {
          return std::string(text.substr(0, kMostDetail));
        }
        return simdjson::minify(found.value_unsafe()).substr(0, kMostDetail);
      }
    }
    std::string text(body.substr(0, kMostDetail));
    if (!json::is_utf8(text)) return "";
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    return text;
  }
};

AnswerReader::AnswerReader() : impl_(std::make_unique<Impl>()) {}
AnswerReader::~AnswerReader() = default;

Result<Tensor> AnswerReader::read(std::string_view body, std::string name,
                                  std::optional<std::int64_t> rows) {
  const auto root = impl_->reader.parse(body);
  if (!root) return fail(not_a_prediction(root.error().message));
  std::vector<float> numbers;
  simdjson::dom::element all;
  if (root->at_key("predictions").get(all) == simdjson::SUCCESS) {
    simdjson::dom::array list;
    if (all.get(list) != simdjson::SUCCESS || list.size() == 0) {
      return fail(not_a_prediction("predictions should be an array of rows"));
    }
    std::size_t count = 0;
    std::size_t classes = 0;
    for (const simdjson::dom::element row : list) {
      const auto width = append_row(row, formatted("predictions[{}]", count), numbers);
      if (!width) return fail(width.error());
      if (count++ == 0) classes = *width;
      if (*width != classes) {
        return fail(not_a_prediction(formatted("predictions[{}] has {} numbers, the first has {}",
                                               count - 1, *width, classes)));
      }
    }
    if (rows && *rows != static_cast<std::int64_t>(count)) {
      return fail(not_a_prediction(formatted("it has {} rows, asked were {}", count, *rows)));
    }
    return to_tensor(std::move(name), numbers, count, classes);
  }
  simdjson::dom::element first;
  if (root->at_key("prediction").get(first) != simdjson::SUCCESS) {
    return fail(not_a_prediction("neither prediction nor predictions is there"));
  }
  const auto classes = append_row(first, "prediction", numbers);
  if (!classes) return fail(classes.error());
  return to_tensor(std::move(name), numbers, 1, *classes);
}

Error AnswerReader::error_of(const http::ClientResponse& response) {
  Error error{code_of(response.status), formatted("it answered {}", response.status)};
  if (const std::string said = impl_->detail(response.body); !said.empty()) {
    error.message += ": " + said;
  }
  if (response.status / 100 == 3) error.message += " (redirections are not followed)";
  if (response.status == 429 || response.status == 503) error.retry_after = retry_after(response);
  return error;
}

}  // namespace sluice::http_predict
