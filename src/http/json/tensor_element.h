// JSON values as elements of a tensor. Include in .cc files only.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "http/json/reader.h"
#include "inference/tensor.h"

namespace sluice::json {

enum class ElementRead : std::uint8_t { kOk, kWrongType, kTooLarge };

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

// Integers must be written as such and fit; a Bool is true, false, 1 or 0; floats are rounded to
// the nearest, and what would become infinite is too large; a string is its bytes.
inline ElementRead read_element(const simdjson::dom::element& from, float& to) {
  double value = 0;
  if (from.get(value) != simdjson::SUCCESS) return ElementRead::kWrongType;
  to = static_cast<float>(value);
  return std::isinf(to) ? ElementRead::kTooLarge : ElementRead::kOk;
}
inline ElementRead read_element(const simdjson::dom::element& from, double& to) {
  return from.get(to) == simdjson::SUCCESS ? ElementRead::kOk : ElementRead::kWrongType;
}
inline ElementRead read_element(const simdjson::dom::element& from, Half& to) {
  float value = 0;
  const ElementRead result = read_element(from, value);
  to.bits = float_to_half(value);
  return result == ElementRead::kOk && std::isinf(half_to_float(to.bits)) ? ElementRead::kTooLarge
                                                                          : result;
}
inline ElementRead read_element(const simdjson::dom::element& from, Bfloat& to) {
  float value = 0;
  const ElementRead result = read_element(from, value);
  to.bits = float_to_bfloat(value);
  return result == ElementRead::kOk && std::isinf(bfloat_to_float(to.bits)) ? ElementRead::kTooLarge
                                                                            : result;
}
inline ElementRead read_element(const simdjson::dom::element& from, Bool& to) {
  bool flag = false;
  if (from.get(flag) == simdjson::SUCCESS) {
    to.value = flag ? 1 : 0;
    return ElementRead::kOk;
  }
  if (!from.is_int64()) return ElementRead::kWrongType;
  const std::int64_t number = from.get_int64();
  to.value = static_cast<std::uint8_t>(number);
  return number == 0 || number == 1 ? ElementRead::kOk : ElementRead::kTooLarge;
}
inline ElementRead read_element(const simdjson::dom::element& from, std::string& to) {
  std::string_view text;
  if (from.get(text) != simdjson::SUCCESS) return ElementRead::kWrongType;
  to = text;
  return ElementRead::kOk;
}
template <std::integral T>
ElementRead read_element(const simdjson::dom::element& from, T& to) {
  using Wide = std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>;
  Wide value = 0;
  if (from.get(value) != simdjson::SUCCESS) {
    return from.is_int64() || from.is_uint64() ? ElementRead::kTooLarge : ElementRead::kWrongType;
  }
  to = static_cast<T>(value);
  return std::in_range<T>(value) ? ElementRead::kOk : ElementRead::kTooLarge;
}

// Calls `f` with a pointer to the elements of a tensor of these types, as the type by which
// read_element() fills them: f(Half*), f(std::int8_t*), f(std::string*), ...
template <class F>
auto with_elements(Tensor& tensor, F f) {
  const auto as = [&]<class T>(T*) { return f(reinterpret_cast<T*>(tensor.data.data())); };
  switch (tensor.type) {
    case DataType::kBool:
      return as(static_cast<Bool*>(nullptr));
    case DataType::kUint8:
      return as(static_cast<std::uint8_t*>(nullptr));
    case DataType::kUint16:
      return as(static_cast<std::uint16_t*>(nullptr));
    case DataType::kUint32:
      return as(static_cast<std::uint32_t*>(nullptr));
    case DataType::kUint64:
      return as(static_cast<std::uint64_t*>(nullptr));
    case DataType::kInt8:
      return as(static_cast<std::int8_t*>(nullptr));
    case DataType::kInt16:
      return as(static_cast<std::int16_t*>(nullptr));
    case DataType::kInt32:
      return as(static_cast<std::int32_t*>(nullptr));
    case DataType::kInt64:
      return as(static_cast<std::int64_t*>(nullptr));
    case DataType::kFp16:
      return as(static_cast<Half*>(nullptr));
    case DataType::kBf16:
      return as(static_cast<Bfloat*>(nullptr));
    case DataType::kFp32:
      return as(static_cast<float*>(nullptr));
    case DataType::kFp64:
      return as(static_cast<double*>(nullptr));
    case DataType::kBytes:
      break;
  }
  return f(tensor.strings.data());
}

}  // namespace sluice::json
