#include "services/horizontal/codec.h"

#include <cmath>
#include <format>
#include <limits>

#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::horizontal {

namespace {

using Element = simdjson::dom::element;

// Stores numbers of any width as the tensor's type, and says what does not fit.
class RowFiller {
 public:
  explicit RowFiller(Tensor& tensor) : tensor_(tensor) {}

  // Empty, or what was expected.
  std::string_view put(std::size_t i, double value) {
    switch (tensor_.type) {
      case DataType::kFp32:
        tensor_.as<float>()[i] = static_cast<float>(value);
        return std::isfinite(tensor_.as<float>()[i]) ? "" : "a number that a float32 holds";
      case DataType::kFp64:
        tensor_.as<double>()[i] = value;
        return "";
      case DataType::kFp16:
        tensor_.as<std::uint16_t>()[i] = float_to_half(static_cast<float>(value));
        return std::abs(value) < 65520 ? "" : "a number that a float16 holds";
      case DataType::kBf16:
        tensor_.as<std::uint16_t>()[i] = float_to_bfloat(static_cast<float>(value));
        return "";
      case DataType::kInt8:
        return put_integer<std::int8_t>(i, value);
      case DataType::kInt16:
        return put_integer<std::int16_t>(i, value);
      case DataType::kInt32:
        return put_integer<std::int32_t>(i, value);
      case DataType::kInt64:
        return put_integer<std::int64_t>(i, value);
      case DataType::kUint8:
        return put_integer<std::uint8_t>(i, value);
      case DataType::kUint16:
        return put_integer<std::uint16_t>(i, value);
      case DataType::kUint32:
        return put_integer<std::uint32_t>(i, value);
      case DataType::kUint64:
        return put_integer<std::uint64_t>(i, value);
      case DataType::kBool:
      case DataType::kBytes:
        break;
    }
    return "a model that takes numbers";
  }

 private:
  template <class T>
  std::string_view put_integer(std::size_t i, double value) {
    // 2^53 is as far as a double counts; beyond it the conversion below would be a guess.
    const double most =
        std::min<double>(static_cast<double>(std::numeric_limits<T>::max()), 0x1p53);
    if (value != std::floor(value) ||
        value < static_cast<double>(std::numeric_limits<T>::lowest()) || value > most) {
      return "a whole number in range";
    }
    tensor_.as<T>()[i] = static_cast<T>(value);
    return "";
  }

  Tensor& tensor_;
};

BodyError wrong(std::string message) {
  return {422, invalid(std::move(message))};
}

// Columns that the input wants; -1: any.
std::int64_t wanted_columns(const TensorInfo& input) {
  return input.shape.rank() == 2 ? input.shape[1] : -1;
}

std::expected<Tensor, BodyError> read_rows(const simdjson::dom::array& rows,
                                           const TensorInfo& input) {
  const std::size_t count = rows.size();
  if (count == 0) return std::unexpected(wrong("'data' has no rows; it must have at least one"));
  std::int64_t columns = wanted_columns(input);
  simdjson::dom::array first;
  if (columns < 0) {
    if (rows.at(0).get_array().get(first) != simdjson::SUCCESS) {
      return std::unexpected(wrong(std::format("'data' row 0: expected a list of numbers, got {}",
                                               json::kind_of(rows.at(0).value()))));
    }
    columns = static_cast<std::int64_t>(first.size());
  }
  Tensor tensor =
      make_tensor(input.name, input.type, Shape{static_cast<std::int64_t>(count), columns});
  RowFiller filler(tensor);
  std::size_t row_number = 0;
  std::size_t i = 0;
  for (const Element row : rows) {
    simdjson::dom::array values;
    if (row.get_array().get(values) != simdjson::SUCCESS) {
      return std::unexpected(
          wrong(std::format("'data' row {}: expected a list of {} numbers, got {}", row_number,
                            columns, json::kind_of(row))));
    }
    std::int64_t column = 0;
    for (const Element value : values) {
      if (column >= columns) break;
      double number = 0;
      if (!value.is_number() || value.get_double().get(number) != simdjson::SUCCESS) {
        return std::unexpected(
            wrong(std::format("'data' row {} column {}: expected a number, got {}", row_number,
                              column, json::excerpt(value))));
      }
      if (const auto expected = filler.put(i++, number); !expected.empty()) {
        return std::unexpected(
            wrong(std::format("'data' row {} column {}: expected {}, got {}", row_number, column,
                              expected, json::excerpt(value))));
      }
      ++column;
    }
    if (std::cmp_not_equal(values.size(), columns)) {
      return std::unexpected(wrong(std::format("'data' row {}: expected {} columns, got {}",
                                               row_number, columns, values.size())));
    }
    ++row_number;
  }
  return tensor;
}

std::size_t columns_of(const Tensor& tensor) {
  const auto rows = static_cast<std::size_t>(tensor.shape.rows());
  return rows == 0 ? 0 : static_cast<std::size_t>(tensor.shape.elements().value_or(0)) / rows;
}

void append_row(std::string& out, const Tensor& tensor, std::size_t row, std::size_t columns) {
  out += '[';
  for (std::size_t c = 0; c < columns; ++c) {
    if (c > 0) out += ',';
    const std::size_t i = row * columns + c;
    if (tensor.type == DataType::kFp32) {
      json::append_number(out, tensor.as<float>()[i]);
    } else {
      json::append_number(out, element_as_double(tensor, i).value_or(0));
    }
  }
  out += ']';
}

}  // namespace

struct RowsReader::Impl {
  json::Reader reader;
};

RowsReader::RowsReader() : impl_(std::make_unique<Impl>()) {}
RowsReader::~RowsReader() = default;

std::expected<Tensor, BodyError> RowsReader::read(std::string_view body, const TensorInfo& input) {
  auto root = impl_->reader.parse(body);
  if (!root) return std::unexpected(BodyError{400, std::move(root.error())});
  simdjson::dom::object object;
  if (root->get_object().get(object) != simdjson::SUCCESS) {
    return std::unexpected(wrong(std::format(
        R"(expected an object like {{"data": [[..]]}}, got {})", json::kind_of(*root))));
  }
  Element data;
  if (object["data"].get(data) != simdjson::SUCCESS) {
    return std::unexpected(wrong("'data' is missing; expected a list of rows"));
  }
  simdjson::dom::array rows;
  if (data.get_array().get(rows) != simdjson::SUCCESS) {
    return std::unexpected(
        wrong(std::format("'data': expected a list of rows, got {}", json::kind_of(data))));
  }
  return read_rows(rows, input);
}

Result<Tensor> rows_tensor(const std::vector<std::vector<double>>& rows, const TensorInfo& input) {
  const std::size_t columns = rows.empty() ? 0 : rows.front().size();
  const std::int64_t wanted = wanted_columns(input);
  Tensor tensor = make_tensor(
      input.name, input.type,
      Shape{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(columns)});
  RowFiller filler(tensor);
  std::size_t i = 0;
  for (const auto& row : rows) {
    if (row.size() != columns || (wanted >= 0 && std::cmp_not_equal(columns, wanted))) {
      return fail(invalid(std::format("the sample has a row of {} columns; {} are expected",
                                      row.size(), wanted >= 0 ? wanted : std::ssize(row))));
    }
    for (const double value : row) {
      if (const auto expected = filler.put(i++, value); !expected.empty()) {
        return fail(invalid(std::format("the sample has {}; expected {}", value, expected)));
      }
    }
  }
  return tensor;
}

Result<const Tensor*> prediction_of(const InferResponse& response, std::string_view output,
                                    std::string_view prefix) {
  const Tensor* found = nullptr;
  for (const Tensor& tensor : response.outputs) {
    std::string_view name = tensor.name;
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    if (!prefix.empty() && !name.starts_with('.')) continue;
    if (!prefix.empty()) name.remove_prefix(1);
    const bool is_float = tensor.type == DataType::kFp32 || tensor.type == DataType::kFp64 ||
                          tensor.type == DataType::kFp16 || tensor.type == DataType::kBf16;
    if (output.empty() ? !is_float : name != output) continue;
    if (found != nullptr) {
      return fail(
          internal("the model has several floating-point outputs; say which is the "
                   "prediction (output: ..)"));
    }
    found = &tensor;
  }
  if (found == nullptr) return fail(internal("the model gave no output that is a prediction"));
  return found;
}

void append_first_row(std::string& out, const Tensor& prediction) {
  append_row(out, prediction, 0, columns_of(prediction));
}

void append_prediction(std::string& out, const Tensor& prediction) {
  const auto rows = static_cast<std::size_t>(prediction.shape.rows());
  const std::size_t columns = columns_of(prediction);
  out += "\"prediction\":";
  append_row(out, prediction, 0, columns);
  if (rows < 2) return;
  out += ",\"predictions\":[";
  for (std::size_t row = 0; row < rows; ++row) {
    if (row > 0) out += ',';
    append_row(out, prediction, row, columns);
  }
  out += ']';
}

void append_error(std::string& out, const Error& error) {
  out += R"({"code":")";
  out += to_string(error.code);
  out += R"(","message":)";
  json::append_string(out, error.message);
  out += '}';
}

std::string_view numpy_name(DataType type) {
  switch (type) {
    case DataType::kBool:
      return "bool";
    case DataType::kUint8:
      return "uint8";
    case DataType::kUint16:
      return "uint16";
    case DataType::kUint32:
      return "uint32";
    case DataType::kUint64:
      return "uint64";
    case DataType::kInt8:
      return "int8";
    case DataType::kInt16:
      return "int16";
    case DataType::kInt32:
      return "int32";
    case DataType::kInt64:
      return "int64";
    case DataType::kFp16:
      return "float16";
    case DataType::kBf16:
      return "bfloat16";
    case DataType::kFp32:
      return "float32";
    case DataType::kFp64:
      return "float64";
    case DataType::kBytes:
      return "object";
  }
  return "object";
}

std::string structure(std::size_t rows, std::size_t columns) {
  return std::format("({},{})", rows, columns);
}

std::string structure(const Tensor& tensor) {
  return structure(static_cast<std::size_t>(tensor.shape.rows()), columns_of(tensor));
}

}  // namespace sluice::horizontal
