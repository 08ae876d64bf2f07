#include "backends/onnx/maps.h"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstring>

#include "backends/onnx/values.h"
#include "base/format.h"

namespace sluice::onnx {

namespace {

Result<Handle<OrtValue>> part(const OrtValue& whole, int index) {
  OrtAllocator* allocator = nullptr;
  if (auto ok = checked(Ort::GetApi().GetAllocatorWithDefaultOptions(&allocator)); !ok) {
    return fail(ok.error());
  }
  OrtValue* value = nullptr;
  if (auto ok = checked(Ort::GetApi().GetValue(&whole, index, allocator, &value)); !ok) {
    return fail(ok.error());
  }
  return Handle<OrtValue>(value);
}

// The keys and values of one map; ONNX Runtime keeps maps ordered by key.
struct Row {
  Tensor keys;
  Tensor values;
};

Result<Row> read_row(const std::string& name, const OrtValue& maps, std::size_t index,
                     bool text_keys) {
  auto map = part(maps, static_cast<int>(index));
  if (!map) return fail(map.error());
  auto keys = part(**map, 0);
  if (!keys) return fail(keys.error());
  auto values = part(**map, 1);
  if (!values) return fail(values.error());
  auto key_tensor = to_tensor(name, **keys);
  if (!key_tensor) return fail(key_tensor.error());
  auto value_tensor = to_tensor(name, **values);
  if (!value_tensor) return fail(value_tensor.error());
  const DataType key_type = text_keys ? DataType::kBytes : DataType::kInt64;
  if (key_tensor->type != key_type || value_tensor->type != DataType::kFp32 ||
      key_tensor->shape != value_tensor->shape) {
    return fail(internal(formatted("output '{}' came as a map of another kind", name)));
  }
  return Row{std::move(*key_tensor), std::move(*value_tensor)};
}

bool same_keys(const Tensor& a, const Tensor& b) {
  return a.shape == b.shape && a.strings == b.strings &&
         std::ranges::equal(a.data.bytes(), b.data.bytes());
}

}  // namespace

Result<Tensor> maps_to_table(const std::string& name, const OrtValue& maps, bool text_keys,
                             Labels* labels) {
  std::size_t rows = 0;
  if (auto ok = checked(Ort::GetApi().GetValueCount(&maps, &rows)); !ok) return fail(ok.error());
  if (rows == 0) return make_tensor(name, DataType::kFp32, {0, 0});
  auto first = read_row(name, maps, 0, text_keys);
  if (!first) return fail(first.error());
  const auto classes = static_cast<std::size_t>(*first->keys.shape.elements());
  Tensor table = make_tensor(name, DataType::kFp32,
                             {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(classes)});
  std::byte* to = table.data.data();
  const std::size_t row_bytes = classes * sizeof(float);
  if (row_bytes > 0) std::memcpy(to, first->values.data.data(), row_bytes);
  for (std::size_t i = 1; i < rows; ++i) {
    auto row = read_row(name, maps, i, text_keys);
    if (!row) return fail(row.error());
    if (!same_keys(row->keys, first->keys)) {
      return fail(internal(formatted(
          "output '{}' has other classes in row {} than in row 0, which no table can hold", name,
          i)));
    }
    if (row_bytes > 0) std::memcpy(to + i * row_bytes, row->values.data.data(), row_bytes);
  }
  if (labels != nullptr) {
    *labels = std::move(first->keys.strings);
    if (!text_keys) {
      labels->clear();
      for (const std::int64_t key : first->keys.as<std::int64_t>()) {
        labels->push_back(std::to_string(key));
      }
    }
  }
  return table;
}

}  // namespace sluice::onnx
