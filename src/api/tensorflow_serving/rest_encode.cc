#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <functional>

#include "api/tensorflow_serving/rest_codec.h"
#include "base/base64.h"
#include "base/format.h"
#include "http/json/writer.h"

namespace sluice::api::tensorflow_serving {

namespace {
constexpr std::string_view kBytesSuffix = "_bytes";

// With a point or an exponent, so that a reader who looks at one number of a list takes them all
// for floats.
template <std::floating_point T>
void append_float(std::string& out, T value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  std::array<char, 32> text;
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
  out += digits;
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_text(std::string& out, const std::string& text, bool as_bytes) {
  if (!as_bytes && json::is_utf8(text)) return json::append_string(out, text);
  out += R"({"b64":")";
  append_base64(out, text);
  out += R"("})";
}

// Appends the element at an index.
template <class F>
void with_append(const Tensor& tensor, F f) {
  const auto integers = [&]<class T>(T) {
    using Wide = std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>;
    f([values = tensor.as<T>()](std::string& out, std::size_t i) {
      json::append_integer(out, static_cast<Wide>(values[i]));
    });
  };
  const auto floats = [&]<class T>(T, auto convert) {
    f([values = tensor.as<T>(), convert](std::string& out, std::size_t i) {
      append_float(out, convert(values[i]));
    });
  };
  switch (tensor.type) {
    case DataType::kBool:
      return f([values = tensor.as<std::uint8_t>()](std::string& out, std::size_t i) {
        out += values[i] != 0 ? "true" : "false";
      });
    case DataType::kUint8:
      return integers(std::uint8_t{});
    case DataType::kUint16:
      return integers(std::uint16_t{});
    case DataType::kUint32:
      return integers(std::uint32_t{});
    case DataType::kUint64:
      return integers(std::uint64_t{});
    case DataType::kInt8:
      return integers(std::int8_t{});
    case DataType::kInt16:
      return integers(std::int16_t{});
    case DataType::kInt32:
      return integers(std::int32_t{});
    case DataType::kInt64:
      return integers(std::int64_t{});
    case DataType::kFp16:
      return floats(std::uint16_t{}, half_to_float);
    case DataType::kBf16:
      return floats(std::uint16_t{}, bfloat_to_float);
    case DataType::kFp32:
      return floats(float{}, std::identity());
    case DataType::kFp64:
      return floats(double{}, std::identity());
    case DataType::kBytes:
      return f(
          [&tensor, bytes = tensor.name.ends_with(kBytesSuffix)](std::string& out, std::size_t i) {
            append_text(out, tensor.strings[i], bytes);
          });
  }
}

// Appends what lies below an index of the dimensions before `dim`: nested arrays, or one value.
template <class F>
void append_below(std::string& out, const Shape& shape, std::size_t dim, std::size_t& next,
                  const F& append) {
  if (dim == shape.rank()) return append(out, next++);
  out += '[';
  for (std::int64_t i = 0; i < shape[dim]; ++i) {
    if (i > 0) out += ',';
    append_below(out, shape, dim + 1, next, append);
  }
  out += ']';
}

void append_whole(std::string& out, const Tensor& tensor) {
  with_append(tensor, [&](const auto& append) {
    std::size_t next = 0;
    append_below(out, tensor.shape, 0, next, append);
  });
}

void append_row(std::string& out, const Tensor& tensor, std::size_t row) {
  with_append(tensor, [&](const auto& append) {
    const auto rows = static_cast<std::size_t>(tensor.shape.rows());
    std::size_t next = row * (static_cast<std::size_t>(*tensor.shape.elements()) / rows);
    append_below(out, tensor.shape, 1, next, append);
  });
}

// How many rows all outputs have.
Result<std::size_t> rows_of(const std::vector<Tensor>& outputs) {
  for (const Tensor& tensor : outputs) {
    if (tensor.shape.rank() == 0) {
      return fail(
          invalid(formatted("output '{}' is one value and has no rows; ask with 'inputs' "
                            "for whole outputs",
                            tensor.name)));
    }
    if (tensor.shape[0] != outputs[0].shape[0]) {
      return fail(
          invalid(formatted("output '{}' has {} rows and '{}' has {}; ask with 'inputs' "
                            "for whole outputs",
                            tensor.name, tensor.shape[0], outputs[0].name, outputs[0].shape[0])));
    }
  }
  return static_cast<std::size_t>(outputs[0].shape[0]);
}

// The members of an object, by `append` for each tensor.
template <class F>
void append_named(std::string& out, const std::vector<Tensor>& outputs, F append) {
  out += '{';
  for (const Tensor& tensor : outputs) {
    if (&tensor != outputs.data()) out += ',';
    json::append_string(out, tensor.name);
    out += ':';
    append(tensor);
  }
  out += '}';
}
}  // namespace

Result<> encode_predict(std::string& out, BodyForm form, const InferResponse& response) {
  const std::vector<Tensor>& outputs = response.outputs;
  if (outputs.empty()) return fail(internal("the answer has no output"));
  if (form == BodyForm::kColumn) {
    out += R"({"outputs":)";
    if (outputs.size() == 1) {
      append_whole(out, outputs[0]);
    } else {
      append_named(out, outputs, [&](const Tensor& tensor) { append_whole(out, tensor); });
    }
    out += '}';
    return {};
  }
  const auto rows = rows_of(outputs);
  if (!rows) return fail(rows.error());
  out += R"({"predictions":)";
  if (outputs.size() == 1) {
    append_whole(out, outputs[0]);
  } else {
    out += '[';
    for (std::size_t row = 0; row < *rows; ++row) {
      if (row > 0) out += ',';
      append_named(out, outputs, [&](const Tensor& tensor) { append_row(out, tensor, row); });
    }
    out += ']';
  }
  out += '}';
  return {};
}

std::string error_json(std::string_view message) {
  std::string text;
  json::Writer(text).begin_object().field("error", message).end_object();
  return text;
}

}  // namespace sluice::api::tensorflow_serving
