#include "api/open_inference/raw_tensor.h"

#include <bit>
#include <cstring>

#include "base/format.h"

namespace sluice::api::open_inference {

namespace {
static_assert(std::endian::native == std::endian::little, "tensors are sent as they lie in memory");

using Length = std::uint32_t;

Result<Tensor> strings_from_raw(std::string name, const Shape& shape, std::string_view raw) {
  const auto count = static_cast<std::size_t>(*shape.elements());
  if (count > raw.size() / sizeof(Length)) {
    return fail(
        invalid(formatted("input '{}': {} bytes cannot hold the {} BYTES elements of its shape {}",
                          name, raw.size(), count, to_string(shape))));
  }
  Tensor tensor{std::move(name), DataType::kBytes, shape, {}, {}};
  tensor.strings.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Length length = 0;
    if (raw.size() < sizeof length) {
      return fail(invalid(formatted("input '{}': element {} of {} is cut off within its length",
                                    tensor.name, i, count)));
    }
    std::memcpy(&length, raw.data(), sizeof length);
    raw.remove_prefix(sizeof length);
    if (raw.size() < length) {
      return fail(invalid(formatted("input '{}': element {} is said to have {} bytes, {} are left",
                                    tensor.name, i, length, raw.size())));
    }
    tensor.strings.emplace_back(raw.substr(0, length));
    raw.remove_prefix(length);
  }
  if (!raw.empty()) {
    return fail(invalid(formatted("input '{}': {} bytes are left over after its {} elements",
                                  tensor.name, raw.size(), count)));
  }
  return tensor;
}
}  // namespace

Result<Tensor> tensor_from_raw(std::string name, DataType type, const Shape& shape,
                               std::string_view raw) {
  if (type == DataType::kBytes) return strings_from_raw(std::move(name), shape, raw);
  const auto count = static_cast<std::size_t>(*shape.elements());
  // Compared by division: the product could be beyond 64 bits.
  const std::size_t size = size_of(type);
  if (raw.size() % size != 0 || raw.size() / size != count) {
    return fail(
        invalid(formatted("input '{}': {} of shape {} needs {} elements of {} bytes, got {} "
                          "bytes",
                          name, to_string(type), to_string(shape), count, size, raw.size())));
  }
  Tensor tensor = make_tensor(std::move(name), type, shape);
  if (!raw.empty()) std::memcpy(tensor.data.data(), raw.data(), raw.size());
  if (type == DataType::kBool) {
    const auto values = tensor.as<std::uint8_t>();
    const auto bad = std::ranges::find_if(values, [](std::uint8_t value) { return value > 1; });
    if (bad != values.end()) {
      return fail(invalid(formatted("input '{}': element {} is {}, a BOOL is 0 or 1", tensor.name,
                                    bad - values.begin(), *bad)));
    }
  }
  return tensor;
}

std::size_t raw_size(const Tensor& tensor) {
  std::size_t size = tensor.data.size();
  for (const std::string& text : tensor.strings) size += sizeof(Length) + text.size();
  return size;
}

void append_raw(std::string& out, const Tensor& tensor) {
  out.append(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
  for (const std::string& text : tensor.strings) {
    const auto length = static_cast<Length>(text.size());
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
    out += text;
  }
}

}  // namespace sluice::api::open_inference
