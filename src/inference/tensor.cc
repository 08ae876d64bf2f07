#include "inference/tensor.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace sluice {

namespace {
struct TypeFacts {
  std::string_view name;
  std::size_t size;
};
constexpr std::array<TypeFacts, kDataTypeCount> kTypes{{{"BOOL", 1},
                                                        {"UINT8", 1},
                                                        {"UINT16", 2},
                                                        {"UINT32", 4},
                                                        {"UINT64", 8},
                                                        {"INT8", 1},
                                                        {"INT16", 2},
                                                        {"INT32", 4},
                                                        {"INT64", 8},
                                                        {"FP16", 2},
                                                        {"BF16", 2},
                                                        {"FP32", 4},
                                                        {"FP64", 8},
                                                        {"BYTES", 0}}};

template <class T>
double load(const Tensor& tensor, std::size_t i) {
  T value;
  std::memcpy(&value, tensor.data.data() + i * sizeof(T), sizeof(T));
  return static_cast<double>(value);
}
}  // namespace

std::string_view to_string(DataType type) {
  return kTypes[static_cast<std::size_t>(type)].name;
}

std::optional<DataType> parse_data_type(std::string_view name) {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].name == name) return static_cast<DataType>(i);
  }
  return std::nullopt;
}

std::size_t size_of(DataType type) {
  return kTypes[static_cast<std::size_t>(type)].size;
}

Shape::Shape(std::span<const std::int64_t> dims) : rank_(dims.size()) {
  if (dims.size() > kMaxRank) throw std::length_error("a shape of more than 8 dimensions");
  std::ranges::copy(dims, dims_.begin());
}

std::optional<std::int64_t> Shape::elements() const {
  constexpr std::int64_t kLargest = std::int64_t{1} << 62;
  std::int64_t product = 1;
  for (const std::int64_t dim : dims()) {
    if (dim < 0) return std::nullopt;
    if (__builtin_mul_overflow(product, dim, &product) || product > kLargest) return std::nullopt;
  }
  return product;
}

bool Shape::matches(const Shape& pattern) const {
  if (rank_ != pattern.rank_) return false;
  for (std::size_t i = 0; i < rank_; ++i) {
    if (pattern.dims_[i] != -1 && pattern.dims_[i] != dims_[i]) return false;
  }
  return true;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(shape[i]);
  }
  return text += ']';
}

void Buffer::unshare() {
  Buffer own(size_);
  std::memcpy(bytes_of(own.data_.get()), bytes_of(data_.get()), size_);
  *this = std::move(own);
}

Tensor make_tensor(std::string name, DataType type, const Shape& shape) {
  const auto count = static_cast<std::size_t>(shape.elements().value());
  Tensor tensor{std::move(name), type, shape, {}, {}};
  if (type == DataType::kBytes) {
    tensor.strings.resize(count);
  } else {
    tensor.data = Buffer(count * size_of(type));
  }
  return tensor;
}

std::optional<double> element_as_double(const Tensor& tensor, std::size_t i) {
  switch (tensor.type) {
    case DataType::kBool:
    case DataType::kUint8:
      return load<std::uint8_t>(tensor, i);
    case DataType::kUint16:
      return load<std::uint16_t>(tensor, i);
    case DataType::kUint32:
      return load<std::uint32_t>(tensor, i);
    case DataType::kUint64:
      return load<std::uint64_t>(tensor, i);
    case DataType::kInt8:
      return load<std::int8_t>(tensor, i);
    case DataType::kInt16:
      return load<std::int16_t>(tensor, i);
    case DataType::kInt32:
      return load<std::int32_t>(tensor, i);
    case DataType::kInt64:
      return load<std::int64_t>(tensor, i);
    case DataType::kFp16:
      return half_to_float(tensor.as<std::uint16_t>()[i]);
    case DataType::kBf16:
      return bfloat_to_float(tensor.as<std::uint16_t>()[i]);
    case DataType::kFp32:
      return load<float>(tensor, i);
    case DataType::kFp64:
      return load<double>(tensor, i);
    case DataType::kBytes:
      return std::nullopt;
  }
  return std::nullopt;
}

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
float half_to_float(std::uint16_t half) {
  const float sign = (half & 0x8000U) != 0 ? -1.0F : 1.0F;
  const int exponent = (half >> 10) & 0x1F;
  const int fraction = half & 0x3FF;
  if (exponent == 0x1F) return fraction != 0 ? std::nanf("") : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  if (std::isnan(value)) return sign | 0x7E00U;
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.0F) return sign | 0x7C00U;  // rounds past the largest half, 65504
  if (magnitude < 0x1.0p-14F) {                      // subnormal: a multiple of 2^-24
    return static_cast<std::uint16_t>(
        sign | static_cast<std::uint16_t>(std::lrintf(std::ldexp(magnitude, 24))));
  }
  // Drop 13 fraction bits, rounding to nearest, ties to even; a carry moves into the exponent.
  const std::uint32_t rebased = (bits & 0x7FFFFFFFU) - ((127U - 15U) << 23);
  const std::uint32_t rounded = rebased + 0xFFFU + ((rebased >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

float bfloat_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t float_to_bfloat(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace sluice
