#include "rpc/tensorflow_tensor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/format.h"
#include "rpc/tensorflow.pb.h"

namespace sluice::rpc {

namespace {
static_assert(std::endian::native == std::endian::little, "tensors travel as they lie in memory");

using tensorflow::TensorProto;

struct Pair {
  DataType type;
  tensorflow::DataType dtype;
  std::string_view name;
};
constexpr std::array<Pair, kDataTypeCount> kPairs{{
    {DataType::kBool, tensorflow::DT_BOOL, "DT_BOOL"},
    {DataType::kUint8, tensorflow::DT_UINT8, "DT_UINT8"},
    {DataType::kUint16, tensorflow::DT_UINT16, "DT_UINT16"},
    {DataType::kUint32, tensorflow::DT_UINT32, "DT_UINT32"},
    {DataType::kUint64, tensorflow::DT_UINT64, "DT_UINT64"},
    {DataType::kInt8, tensorflow::DT_INT8, "DT_INT8"},
    {DataType::kInt16, tensorflow::DT_INT16, "DT_INT16"},
    {DataType::kInt32, tensorflow::DT_INT32, "DT_INT32"},
    {DataType::kInt64, tensorflow::DT_INT64, "DT_INT64"},
    {DataType::kFp16, tensorflow::DT_HALF, "DT_HALF"},
    {DataType::kBf16, tensorflow::DT_BFLOAT16, "DT_BFLOAT16"},
    {DataType::kFp32, tensorflow::DT_FLOAT, "DT_FLOAT"},
    {DataType::kFp64, tensorflow::DT_DOUBLE, "DT_DOUBLE"},
    {DataType::kBytes, tensorflow::DT_STRING, "DT_STRING"},
}};
constexpr bool in_order() {
  for (std::size_t i = 0; i < kPairs.size(); ++i) {
    if (static_cast<std::size_t>(kPairs[i].type) != i) return false;
  }
  return true;
}
static_assert(in_order());

Error wrong(const Tensor& tensor, std::string what) {
  return invalid(formatted("tensor '{}': {}", tensor.name, what));
}

std::size_t elements_of(const Tensor& tensor) {
  return static_cast<std::size_t>(*tensor.shape.elements());
}

// How many values lie in any of the lists.
int values_in(const TensorProto& from) {
  return from.float_val_size() + from.double_val_size() + from.int_val_size() +
         from.string_val_size() + from.scomplex_val_size() + from.int64_val_size() +
         from.bool_val_size() + from.dcomplex_val_size() + from.half_val_size() +
         from.uint32_val_size() + from.uint64_val_size();
}

Result<> check_count(const Tensor& tensor, std::size_t values, const TensorProto& from,
                     std::size_t bytes_an_element) {
  const std::size_t count = elements_of(tensor);
  const auto all = static_cast<std::size_t>(values_in(from));
  if (all != values) {
    return fail(wrong(tensor, formatted("{} of its values lie in another type's list than that "
                                        "of {}",
                                        all - values, tensorflow_name(tensor.type))));
  }
  if (values > count) {
    return fail(wrong(tensor, formatted("shape {} has {} elements, got {} values",
                                        to_string(tensor.shape), count, values)));
  }
  if (values < count && count > kMaxRepeatedBytes / bytes_an_element) {
    return fail(
        wrong(tensor, formatted("{} values for the {} elements of shape {}: at most {} "
                                "bytes are filled by repetition",
                                values, count, to_string(tensor.shape), kMaxRepeatedBytes)));
  }
  return {};
}

// `to` maps a value of the list to the element's C++ type.
template <class T, class List>
Result<> copy_list(Tensor& tensor, const TensorProto& from, const List& list) {
  const auto values = static_cast<std::size_t>(list.size());
  if (auto good = check_count(tensor, values, from, sizeof(T)); !good) return good;
  const std::size_t count = elements_of(tensor);
  tensor.data = Buffer(count * sizeof(T));
  T* out = reinterpret_cast<T*>(tensor.data.data());
  const auto* in = list.data();
  for (std::size_t i = 0; i < values; ++i) {
    if constexpr (std::integral<T> && sizeof(T) < sizeof(*in)) {
      if (!std::in_range<T>(in[i])) {
        return fail(wrong(tensor, formatted("element {} is {}, which does not fit {}", i, in[i],
                                            tensorflow_name(tensor.type))));
      }
    }
    out[i] = static_cast<T>(in[i]);
  }
  std::fill(out + values, out + count, values == 0 ? T{} : out[values - 1]);
  return {};
}

Result<> copy_strings(Tensor& tensor, const TensorProto& from) {
  const auto& list = from.string_val();
  const auto values = static_cast<std::size_t>(list.size());
  const std::size_t last = list.empty() ? 0 : list.rbegin()->size();
  if (auto good = check_count(tensor, values, from, sizeof(std::string) + last); !good) return good;
  tensor.strings.assign(list.begin(), list.end());
  tensor.strings.resize(elements_of(tensor), list.empty() ? std::string() : *list.rbegin());
  return {};
}

bool take_varint(std::string_view& from, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 35 && !from.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

Result<> strings_of_content(Tensor& tensor, std::string_view content) {
  const std::size_t count = elements_of(tensor);
  if (count > content.size()) {
    return fail(wrong(tensor, formatted("{} bytes cannot hold the {} strings of shape {}",
                                        content.size(), count, to_string(tensor.shape))));
  }
  std::string_view texts = content;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t length = 0;
    if (!take_varint(texts, length)) {
      return fail(wrong(tensor, formatted("the length of string {} is cut off or none", i)));
    }
  }
  tensor.strings.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t length = 0;
    take_varint(content, length);
    if (length > texts.size()) {
      return fail(wrong(tensor, formatted("string {} is said to have {} bytes, {} are left", i,
                                          length, texts.size())));
    }
    tensor.strings.emplace_back(texts.substr(0, length));
    texts.remove_prefix(length);
  }
  if (texts.empty()) return {};
  return fail(
      wrong(tensor, formatted("{} bytes are left over after its {} strings", texts.size(), count)));
}

Result<> copy_content(Tensor& tensor, const TensorProto& from) {
  const std::string& content = from.tensor_content();
  if (values_in(from) > 0) {
    return fail(wrong(tensor, "has both tensor_content and a list of values"));
  }
  if (tensor.type == DataType::kBytes) return strings_of_content(tensor, content);
  const std::size_t size = size_of(tensor.type);
  // Compared by division: the product could be beyond 64 bits.
  if (content.size() % size != 0 || content.size() / size != elements_of(tensor)) {
    return fail(wrong(tensor, formatted("{} of shape {} needs {} elements of {} bytes, "
                                        "tensor_content has {} bytes",
                                        tensorflow_name(tensor.type), to_string(tensor.shape),
                                        elements_of(tensor), size, content.size())));
  }
  tensor.data = Buffer(content.size());
  std::memcpy(tensor.data.data(), content.data(), content.size());
  if (tensor.type == DataType::kBool) {
    for (const std::uint8_t value : std::as_const(tensor).as<std::uint8_t>()) {
      if (value > 1) {
        return fail(wrong(tensor, formatted("has a byte {}, a DT_BOOL is 0 or 1", value)));
      }
    }
  }
  return {};
}

Result<> copy_values(Tensor& tensor, const TensorProto& from) {
  switch (tensor.type) {
    case DataType::kBool:
      return copy_list<std::uint8_t>(tensor, from, from.bool_val());
    case DataType::kUint8:
      return copy_list<std::uint8_t>(tensor, from, from.int_val());
    case DataType::kUint16:
      return copy_list<std::uint16_t>(tensor, from, from.int_val());
    case DataType::kUint32:
      return copy_list<std::uint32_t>(tensor, from, from.uint32_val());
    case DataType::kUint64:
      return copy_list<std::uint64_t>(tensor, from, from.uint64_val());
    case DataType::kInt8:
      return copy_list<std::int8_t>(tensor, from, from.int_val());
    case DataType::kInt16:
      return copy_list<std::int16_t>(tensor, from, from.int_val());
    case DataType::kInt32:
      return copy_list<std::int32_t>(tensor, from, from.int_val());
    case DataType::kInt64:
      return copy_list<std::int64_t>(tensor, from, from.int64_val());
    case DataType::kFp16:
    case DataType::kBf16:
      return copy_list<std::uint16_t>(tensor, from, from.half_val());
    case DataType::kFp32:
      return copy_list<float>(tensor, from, from.float_val());
    case DataType::kFp64:
      return copy_list<double>(tensor, from, from.double_val());
    case DataType::kBytes:
      return copy_strings(tensor, from);
  }
  return fail(internal("a type that is none"));
}
}  // namespace

std::optional<DataType> from_tensorflow(int dtype) {
  const auto found = std::ranges::find(kPairs, dtype, &Pair::dtype);
  return found == kPairs.end() ? std::nullopt : std::optional(found->type);
}

int to_tensorflow(DataType type) {
  return kPairs[static_cast<std::size_t>(type)].dtype;
}

std::string_view tensorflow_name(DataType type) {
  return kPairs[static_cast<std::size_t>(type)].name;
}

std::string tensorflow_name(int dtype) {
  return tensorflow::DataType_IsValid(dtype)
             ? tensorflow::DataType_Name(static_cast<tensorflow::DataType>(dtype))
             : formatted("DataType {}", dtype);
}

Result<Shape> shape_from_proto(const tensorflow::TensorShapeProto& from) {
  if (from.unknown_rank()) return fail(invalid("the shape has no known rank"));
  if (from.dim_size() > static_cast<int>(Shape::kMaxRank)) {
    return fail(invalid(formatted("the shape has {} dimensions, at most {} are taken",
                                  from.dim_size(), Shape::kMaxRank)));
  }
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  for (int i = 0; i < from.dim_size(); ++i) {
    dims[static_cast<std::size_t>(i)] = from.dim(i).size();
    if (from.dim(i).size() < -1) {
      return fail(invalid(formatted("the shape has a dimension of {}", from.dim(i).size())));
    }
  }
  return Shape(std::span(dims.data(), static_cast<std::size_t>(from.dim_size())));
}

void shape_to_proto(const Shape& shape, tensorflow::TensorShapeProto& to) {
  for (const std::int64_t dim : shape.dims()) to.add_dim()->set_size(dim);
}

Result<Tensor> tensor_from_proto(std::string name, const TensorProto& from) {
  Tensor tensor{std::move(name), {}, {}, {}, {}};
  const auto type = from_tensorflow(from.dtype());
  if (!type) {
    return fail(wrong(tensor, formatted("{} is not supported", tensorflow_name(from.dtype()))));
  }
  tensor.type = *type;
  const auto shape = shape_from_proto(from.tensor_shape());
  if (!shape) return fail(wrong(tensor, shape.error().message));
  tensor.shape = *shape;
  if (!shape->elements()) {
    return fail(
        wrong(tensor, formatted("a shape of {} cannot be one of values", to_string(*shape))));
  }
  auto copied =
      from.tensor_content().empty() ? copy_values(tensor, from) : copy_content(tensor, from);
  if (!copied) return fail(std::move(copied.error()));
  return tensor;
}

void tensor_to_proto(const Tensor& tensor, TensorProto& to) {
  to.set_dtype(static_cast<tensorflow::DataType>(to_tensorflow(tensor.type)));
  shape_to_proto(tensor.shape, *to.mutable_tensor_shape());
  if (tensor.type == DataType::kBytes) {
    to.mutable_string_val()->Add(tensor.strings.begin(), tensor.strings.end());
  } else {
    to.set_tensor_content(tensor.data.data(), tensor.data.size());
  }
}

}  // namespace sluice::rpc
