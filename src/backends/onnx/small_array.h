// A few things on the stack, many on the heap.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

namespace sluice::onnx {

// `size` default-made Ts; up to N of them cost no allocation. Does not move.
template <class T, std::size_t N>
class SmallArray {
 public:
  explicit SmallArray(std::size_t size) : size_(size) {
    if (size > N) many_ = std::make_unique<T[]>(size);
  }
  SmallArray(const SmallArray&) = delete;
  SmallArray& operator=(const SmallArray&) = delete;

  [[nodiscard]] T* data() { return many_ ? many_.get() : few_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data()[i]; }

 private:
  std::array<T, N> few_{};
  std::unique_ptr<T[]> many_;
  std::size_t size_;
};

}  // namespace sluice::onnx
