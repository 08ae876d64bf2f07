// Tensors as callers and backends exchange them: named, typed, shaped, row-major, little-endian.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice {

// The types of the Open Inference Protocol v2.
enum class DataType : std::uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kBytes,  // strings of bytes, kept apart from the flat data
};

inline constexpr std::size_t kDataTypeCount = 14;

// "FP32", "BYTES", ...: the protocol's names, which also serve in messages.
std::string_view to_string(DataType type);
std::optional<DataType> parse_data_type(std::string_view name);
// Bytes of one element; 0 for kBytes, whose elements differ.
std::size_t size_of(DataType type);

// Up to kMaxRank dimensions, held in place. In descriptions -1 stands for "any".
class Shape {
 public:
  static constexpr std::size_t kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  // Beyond kMaxRank is a broken invariant: edges check before.
  explicit Shape(std::span<const std::int64_t> dims);

  [[nodiscard]] std::size_t rank() const { return rank_; }
  [[nodiscard]] std::span<const std::int64_t> dims() const { return {dims_.data(), rank_}; }
  std::int64_t operator[](std::size_t i) const { return dims_[i]; }
  std::int64_t& operator[](std::size_t i) { return dims_[i]; }
  // How many elements; none when a dimension is negative or the product passes 2^62. 1 for rank 0.
  [[nodiscard]] std::optional<std::int64_t> elements() const;
  // Dimension 0, or 1 for a scalar: how many rows a batch of this shape has.
  [[nodiscard]] std::int64_t rows() const { return rank_ == 0 ? 1 : dims_[0]; }
  // Same rank, and equal wherever `pattern` is not -1.
  [[nodiscard]] bool matches(const Shape& pattern) const;
  bool operator==(const Shape& other) const { return std::ranges::equal(dims(), other.dims()); }

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  std::size_t rank_ = 0;
};

std::string to_string(const Shape& shape);  // "[1,4]"

// Flat bytes, aligned for every element type, not zeroed when made. A copy shares the bytes until
// one of the two is written to, so handing tensors on costs nothing. Like any value it is used by
// one thread at a time; its copies may be with others.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size)
      : data_(std::make_shared_for_overwrite<Unit[]>((size + sizeof(Unit) - 1) / sizeof(Unit))),
        size_(size) {}
  Buffer(const Buffer&) = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() = default;

  [[nodiscard]] std::byte* data() {
    if (data_.use_count() > 1) unshare();
    after_last_reader();
    return bytes_of(data_.get());
  }
  [[nodiscard]] const std::byte* data() const { return bytes_of(data_.get()); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() { return {data(), size_}; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data(), size_}; }

 private:
  struct alignas(16) Unit {
    std::array<std::byte, 16> bytes;
  };
  static std::byte* bytes_of(Unit* units) {
    return units == nullptr ? nullptr : units->bytes.data();
  }
  void unshare();
  // Orders what is written next after what was read through copies that are gone.
  void after_last_reader() const {
#ifdef SLUICE_TSAN  // which does not know fences: a count that falls orders as well
    const std::shared_ptr<Unit[]> copy = data_;
#else
    std::atomic_thread_fence(std::memory_order_acquire);
#endif
  }

  std::shared_ptr<Unit[]> data_;
  std::size_t size_ = 0;
};

// One named array. Invariant, kept by whoever makes one: `data.size()` is elements x size_of(type),
// or, for kBytes, `strings.size()` is elements and `data` is empty.
struct Tensor {
  std::string name;
  DataType type = DataType::kFp32;
  Shape shape;
  Buffer data;
  std::vector<std::string> strings;

  // The elements as T, which must be the C++ type of `type` (fp16 and bf16 as uint16_t, bool as
  // uint8_t).
  template <class T>
  [[nodiscard]] std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
  template <class T>
  [[nodiscard]] std::span<T> as() {
    return {reinterpret_cast<T*>(data.data()), data.size() / sizeof(T)};
  }
};

// Memory for a tensor of this type and shape, contents not set. `shape` must have elements().
Tensor make_tensor(std::string name, DataType type, const Shape& shape);

// Element i of any numeric tensor as a double; kBytes gives none.
std::optional<double> element_as_double(const Tensor& tensor, std::size_t i);
float half_to_float(std::uint16_t half);
std::uint16_t float_to_half(float value);
float bfloat_to_float(std::uint16_t bits);
std::uint16_t float_to_bfloat(float value);

// What a callable takes or gives under a name.
struct TensorInfo {
  std::string name;
  DataType type = DataType::kFp32;
  Shape shape;
};

}  // namespace sluice
