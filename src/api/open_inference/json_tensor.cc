#include "api/open_inference/json_tensor.h"

#include <array>
#include <cmath>
#include <format>
#include <limits>

#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::api::open_inference {

namespace {
namespace dom = simdjson::dom;

enum class Read : std::uint8_t { kOk, kWrongType, kTooLarge };

// Element types of their own where the C++ type does not tell.
struct Bool {
  std::uint8_t value;
};
struct Half {
  std::uint16_t bits;
};
struct Bfloat {
  std::uint16_t bits;
};

Read read_float(const dom::element& from, float& to) {
  double value = 0;
  if (from.get(value) != simdjson::SUCCESS) return Read::kWrongType;
  to = static_cast<float>(value);
  return std::isinf(to) ? Read::kTooLarge : Read::kOk;
}

Read read(const dom::element& from, float& to) {
  return read_float(from, to);
}
Read read(const dom::element& from, double& to) {
  return from.get(to) == simdjson::SUCCESS ? Read::kOk : Read::kWrongType;
}
Read read(const dom::element& from, Half& to) {
  float value = 0;
  const Read result = read_float(from, value);
  to.bits = float_to_half(value);
  return result == Read::kOk && std::isinf(half_to_float(to.bits)) ? Read::kTooLarge : result;
}
Read read(const dom::element& from, Bfloat& to) {
  float value = 0;
  const Read result = read_float(from, value);
  to.bits = float_to_bfloat(value);
  return result == Read::kOk && std::isinf(bfloat_to_float(to.bits)) ? Read::kTooLarge : result;
}
Read read(const dom::element& from, Bool& to) {
  bool flag = false;
  std::int64_t number = 0;
  if (from.get(flag) == simdjson::SUCCESS) {
    to.value = flag ? 1 : 0;
  } else if (!from.is_int64()) {
    return Read::kWrongType;
  } else if (number = from.get_int64(); number == 0 || number == 1) {
    to.value = static_cast<std::uint8_t>(number);
  } else {
    return Read::kTooLarge;
  }
  return Read::kOk;
}
Read read(const dom::element& from, std::string& to) {
  std::string_view text;
  if (from.get(text) != simdjson::SUCCESS) return Read::kWrongType;
  to = text;
  return Read::kOk;
}
template <std::integral T>
Read read(const dom::element& from, T& to) {
  using Wide = std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>;
  Wide value = 0;
  if (from.get(value) != simdjson::SUCCESS) {
    return from.is_int64() || from.is_uint64() ? Read::kTooLarge : Read::kWrongType;
  }
  to = static_cast<T>(value);
  return std::in_range<T>(value) ? Read::kOk : Read::kTooLarge;
}

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
      return fail(invalid(std::format("input '{}': {} is {}, expected an array of {}", tensor_.name,
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
      const Read result = read(element, *out_++);
      if (result != Read::kOk) return fail(wrong(element, depth + 1, result));
    }
    if (count == expected) return {};
    return fail(
        invalid(std::format("input '{}': {} has {} values, expected {} for shape {}", tensor_.name,
                            place(depth), count, expected, to_string(tensor_.shape))));
  }

  Error wrong(const dom::element& value, std::size_t depth, Read result) const {
    return invalid(std::format(
        "input '{}': {} is {}, {} {}", tensor_.name, place(depth), json::excerpt(value),
        result == Read::kTooLarge ? "which does not fit" : "expected", to_string(tensor_.type)));
  }

  // "data[2][0]"
  [[nodiscard]] std::string place(std::size_t depth) const {
    std::string text = "data";
    for (std::size_t i = 0; i < depth; ++i) text += std::format("[{}]", at_[i]);
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

template <class T>
Result<> fill(Tensor& tensor, const dom::element& data) {
  return fill(tensor, reinterpret_cast<T*>(tensor.data.data()), data);
}

Result<> fill_any(Tensor& tensor, const dom::element& data) {
  switch (tensor.type) {
    case DataType::kBool:
      return fill<Bool>(tensor, data);
    case DataType::kUint8:
      return fill<std::uint8_t>(tensor, data);
    case DataType::kUint16:
      return fill<std::uint16_t>(tensor, data);
    case DataType::kUint32:
      return fill<std::uint32_t>(tensor, data);
    case DataType::kUint64:
      return fill<std::uint64_t>(tensor, data);
    case DataType::kInt8:
      return fill<std::int8_t>(tensor, data);
    case DataType::kInt16:
      return fill<std::int16_t>(tensor, data);
    case DataType::kInt32:
      return fill<std::int32_t>(tensor, data);
    case DataType::kInt64:
      return fill<std::int64_t>(tensor, data);
    case DataType::kFp16:
      return fill<Half>(tensor, data);
    case DataType::kBf16:
      return fill<Bfloat>(tensor, data);
    case DataType::kFp32:
      return fill<float>(tensor, data);
    case DataType::kFp64:
      return fill<double>(tensor, data);
    case DataType::kBytes:
      return fill<std::string>(tensor, tensor.strings.data(), data);
  }
  return fail(internal("a type that is none"));
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
          std::format("output '{}': element {} is not UTF-8 and cannot be written as JSON; ask for "
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
    return fail(invalid(std::format("input '{}': the data has fewer than the {} values of shape {}",
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
