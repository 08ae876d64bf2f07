#include "api/open_inference/json_tensor.h"

#include <array>

#include "base/format.h"
#include "http/json/tensor_element.h"
#include "http/json/writer.h"

namespace sluice::api::open_inference {

namespace {
namespace dom = simdjson::dom;

using json::ElementRead;

// Walks `data` and writes the elements one after the other.
template <class T>
class Filler {
 public:
  Filler(const Tensor& tensor, std::span<const std::int64_t> dims, T* out)
      : tensor_(tensor), dims_(dims), out_(out) {}

  Result<> fill(const dom::element& data) { return level(data, 0); }

 private:
  Result<> level(const dom::element& value, std::size_t depth) {
    dom::array array;
    if (value.get(array) != simdjson::SUCCESS) {
      return fail(invalid(formatted("input '{}': {} is {}, expected an array of {}", tensor_.name,
                                    place(depth), json::excerpt(value), dims_[depth])));
    }
    const bool last = depth + 1 == dims_.size();
    const std::int64_t expected = dims_[depth];
    std::int64_t count = 0;
    for (const dom::element element : array) {
      at_[depth] = count;
      if (++count > expected) continue;
      if (!last) {
        if (auto filled = level(element, depth + 1); !filled) return filled;
        continue;
      }
      const ElementRead result = json::read_element(element, *out_++);
      if (result != ElementRead::kOk) return fail(wrong(element, depth + 1, result));
    }
    if (count == expected) return {};
    return fail(
        invalid(formatted("input '{}': {} has {} values, expected {} for shape {}", tensor_.name,
                          place(depth), count, expected, to_string(tensor_.shape))));
  }

  Error wrong(const dom::element& value, std::size_t depth, ElementRead result) const {
    return invalid(formatted("input '{}': {} is {}, {} {}", tensor_.name, place(depth),
                             json::excerpt(value),
                             result == ElementRead::kTooLarge ? "which does not fit" : "expected",
                             to_string(tensor_.type)));
  }

  // "data[2][0]"
  [[nodiscard]] std::string place(std::size_t depth) const {
    std::string text = "data";
    for (std::size_t i = 0; i < depth; ++i) text += formatted("[{}]", at_[i]);
    return text;
  }

  const Tensor& tensor_;
  std::span<const std::int64_t> dims_;
  T* out_;
  std::array<std::int64_t, Shape::kMaxRank> at_{};
};

bool is_nested(const dom::element& data) {
  dom::array array;
  if (data.get(array) != simdjson::SUCCESS) return false;
  for (const dom::element element : array) return element.is_array();
  return false;
}

template <class T>
Result<> fill(Tensor& tensor, T* out, const dom::element& data) {
  const Tensor& named = tensor;
  if (named.shape.rank() > 1 && is_nested(data)) {
    return Filler<T>(named, named.shape.dims(), out).fill(data);
  }
  const std::int64_t flat = *named.shape.elements();
  return Filler<T>(named, std::span(&flat, 1), out).fill(data);
}

Result<> fill_any(Tensor& tensor, const dom::element& data) {
  return json::with_elements(tensor, [&](auto* out) { return fill(tensor, out, data); });
}

// Every element, with commas, by the function.
template <class T, class F>
void append_all(std::string& out, const Tensor& tensor, F append) {
  bool first = true;
  for (const T value : tensor.as<T>()) {
    if (!std::exchange(first, false)) out += ',';
    append(out, value);
  }
}
template <std::integral T>
void append_integers(std::string& out, const Tensor& tensor) {
  using Wide = std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>;
  append_all<T>(out, tensor, [](std::string& to, T value) {
    json::append_integer(to, static_cast<Wide>(value));
  });
}

Result<> append_strings(std::string& out, const Tensor& tensor) {
  for (std::size_t i = 0; i < tensor.strings.size(); ++i) {
    const std::string& text = tensor.strings[i];
    if (!simdjson::validate_utf8(text)) {
      return fail(invalid(
          formatted("output '{}': element {} is not UTF-8 and cannot be written as JSON; ask for "
                    "it with the parameter binary_data",
                    tensor.name, i)));
    }
    if (i > 0) out += ',';
    json::append_string(out, text);
  }
  return {};
}
}  // namespace

Result<Tensor> tensor_from_json(std::string name, DataType type, const Shape& shape,
                                const dom::element& data, std::size_t text_size) {
  const std::int64_t elements = *shape.elements();
  // A value takes at least a digit and a comma, a string two quotes and a comma.
  const std::size_t room = (text_size + 1) / (type == DataType::kBytes ? 3 : 2);
  if (static_cast<std::uint64_t>(elements) > room) {
    return fail(invalid(formatted("input '{}': the data has fewer than the {} values of shape {}",
                                  name, elements, to_string(shape))));
  }
  Tensor tensor = make_tensor(std::move(name), type, shape);
  if (auto filled = fill_any(tensor, data); !filled) return fail(filled.error());
  return tensor;
}

Result<> append_json(std::string& out, const Tensor& tensor) {
  out += '[';
  switch (tensor.type) {
    case DataType::kBool:
      append_all<std::uint8_t>(out, tensor, [](std::string& to, std::uint8_t value) {
        to += value != 0 ? "true" : "false";
      });
      break;
    case DataType::kUint8:
      append_integers<std::uint8_t>(out, tensor);
      break;
    case DataType::kUint16:
      append_integers<std::uint16_t>(out, tensor);
      break;
    case DataType::kUint32:
      append_integers<std::uint32_t>(out, tensor);
      break;
    case DataType::kUint64:
      append_integers<std::uint64_t>(out, tensor);
      break;
    case DataType::kInt8:
      append_integers<std::int8_t>(out, tensor);
      break;
    case DataType::kInt16:
      append_integers<std::int16_t>(out, tensor);
      break;
    case DataType::kInt32:
      append_integers<std::int32_t>(out, tensor);
      break;
    case DataType::kInt64:
      append_integers<std::int64_t>(out, tensor);
      break;
    case DataType::kFp16:
      append_all<std::uint16_t>(out, tensor, [](std::string& to, std::uint16_t bits) {
        json::append_number(to, half_to_float(bits));
      });
      break;
    case DataType::kBf16:
      append_all<std::uint16_t>(out, tensor, [](std::string& to, std::uint16_t bits) {
        json::append_number(to, bfloat_to_float(bits));
      });
      break;
    case DataType::kFp32:
      append_all<float>(out, tensor,
                        [](std::string& to, float value) { json::append_number(to, value); });
      break;
    case DataType::kFp64:
      append_all<double>(out, tensor,
                         [](std::string& to, double value) { json::append_number(to, value); });
      break;
    case DataType::kBytes:
      if (auto written = append_strings(out, tensor); !written) return written;
      break;
  }
  out += ']';
  return {};
}

}  // namespace sluice::api::open_inference
