#include "services/rows/rows_reader.h"

#include <cmath>
#include <limits>

#include "base/format.h"
#include "http/json/reader.h"

namespace sluice::rows {

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
        return std::isfinite(bfloat_to_float(tensor_.as<std::uint16_t>()[i]))
                   ? ""
                   : "a number that a bfloat16 holds";
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
    // Up to here a double counts one by one; beyond, another number may have been written.
    constexpr double kExact = 0x1p53 - 1;
    const double most = std::min(static_cast<double>(std::numeric_limits<T>::max()), kExact);
    const double least = std::max(static_cast<double>(std::numeric_limits<T>::lowest()), -kExact);
    if (value != std::floor(value) || value < least || value > most) {
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

// How many columns every row has: as the input wants, else as the first row has.
std::expected<std::int64_t, BodyError> check_rows(const simdjson::dom::array& rows,
                                                  const TensorInfo& input) {
  std::int64_t columns = wanted_columns(input);
  std::int64_t row_number = 0;
  for (const Element row : rows) {
    simdjson::dom::array values;
    if (row.get_array().get(values) != simdjson::SUCCESS) {
      const std::string expected =
          columns < 0 ? "a list of numbers" : formatted("a list of {} numbers", columns);
      return std::unexpected(wrong(formatted("'data' row {}: expected {}, got {}", row_number,
                                             expected, json::kind_of(row))));
    }
    if (columns < 0) columns = std::max<std::int64_t>(1, static_cast<std::int64_t>(values.size()));
    if (std::cmp_not_equal(values.size(), columns)) {
      return std::unexpected(wrong(formatted("'data' row {}: expected {} columns, got {}",
                                             row_number, columns, values.size())));
    }
    ++row_number;
  }
  if (row_number == 0) {
    return std::unexpected(wrong("'data' has no rows; it must have at least one"));
  }
  return columns;
}

// All rows are measured before memory is taken, so that it is never more than the body's worth.
std::expected<Tensor, BodyError> read_rows(const simdjson::dom::array& rows,
                                           const TensorInfo& input, const RowRules& rules) {
  const auto columns = check_rows(rows, input);
  if (!columns) return std::unexpected(columns.error());
  Tensor tensor =
      make_tensor(input.name, input.type, Shape{static_cast<std::int64_t>(rows.size()), *columns});
  RowFiller filler(tensor);
  std::size_t i = 0;
  for (const simdjson::dom::array row : rows) {
    for (const Element value : row) {
      const auto refused = [&](std::string_view expected, std::string_view got) {
        const auto width = static_cast<std::size_t>(*columns);
        return std::unexpected(wrong(formatted("'data' row {} column {}: expected {}, got {}",
                                               i / width, i % width, expected, got)));
      };
      double number = 0;
      if (!value.is_number() || value.get_double().get(number) != simdjson::SUCCESS) {
        return refused("a number", json::excerpt(value));
      }
      if (const auto expected = filler.put(i, number); !expected.empty()) {
        return refused(expected, json::excerpt(value));
      }
      if (rules.above && !(number > *rules.above)) {
        return refused(formatted("a number above {}", *rules.above), json::excerpt(value));
      }
      if (rules.below && !(number < *rules.below)) {
        return refused(formatted("a number below {}", *rules.below), json::excerpt(value));
      }
      ++i;
    }
  }
  return tensor;
}

}  // namespace

namespace {

std::expected<Tensor, BodyError> read_root(const Result<Element>& root, const TensorInfo& input,
                                           const RowRules& rules) {
  if (!root) return std::unexpected(BodyError{400, root.error()});
  simdjson::dom::array rows;
  if (rules.bare_array && root->get_array().get(rows) == simdjson::SUCCESS) {
    return read_rows(rows, input, rules);
  }
  simdjson::dom::object object;
  if (root->get_object().get(object) != simdjson::SUCCESS) {
    return std::unexpected(wrong(
        formatted(R"(expected an object like {{"data": [[..]]}}, got {})", json::kind_of(*root))));
  }
  Element data;
  if (object["data"].get(data) != simdjson::SUCCESS) {
    return std::unexpected(wrong("'data' is missing; expected a list of rows"));
  }
  if (data.get_array().get(rows) != simdjson::SUCCESS) {
    return std::unexpected(
        wrong(formatted("'data': expected a list of rows, got {}", json::kind_of(data))));
  }
  return read_rows(rows, input, rules);
}

}  // namespace

struct RowsReader::Impl {
  json::Reader reader;
  std::optional<Element> root;  // of the last body, if it was JSON

  std::expected<Tensor, BodyError> read(Result<Element> parsed, const TensorInfo& input,
                                        const RowRules& rules) {
    root = parsed ? std::optional(*parsed) : std::nullopt;
    return read_root(parsed, input, rules);
  }
};

RowsReader::RowsReader() : impl_(std::make_unique<Impl>()) {}
RowsReader::~RowsReader() = default;

std::expected<Tensor, BodyError> RowsReader::read(std::string_view body, const TensorInfo& input,
                                                  const RowRules& rules) {
  return impl_->read(impl_->reader.parse(body), input, rules);
}
std::expected<Tensor, BodyError> RowsReader::read_copy(std::string_view text,
                                                       const TensorInfo& input,
                                                       const RowRules& rules) {
  return impl_->read(impl_->reader.parse_copy(text), input, rules);
}

Result<std::optional<std::string>> RowsReader::text_field(std::string_view name) const {
  simdjson::dom::object object;
  Element value;
  if (!impl_->root || impl_->root->get(object) != simdjson::SUCCESS ||
      object[name].get(value) != simdjson::SUCCESS || value.is_null()) {
    return std::nullopt;
  }
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    return fail(invalid(formatted("'{}': expected a string, got {}", name, json::kind_of(value))));
  }
  return std::string(text);
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
      return fail(
          invalid(formatted("the sample has a row of {} columns; {} are expected", row.size(),
                            wanted >= 0 ? wanted : static_cast<std::int64_t>(columns))));
    }
    for (const double value : row) {
      if (const auto expected = filler.put(i++, value); !expected.empty()) {
        return fail(invalid(formatted("the sample has {}; expected {}", value, expected)));
      }
    }
  }
  return tensor;
}

}  // namespace sluice::rows
