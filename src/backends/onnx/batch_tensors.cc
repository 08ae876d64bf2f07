#include "backends/onnx/batch_tensors.h"

#include <algorithm>
#include <numeric>

#include "base/format.h"

namespace sluice::onnx {

namespace {

bool has_free_rows(const TensorInfo& info) {
  return info.shape.rank() > 0 && info.shape[0] < 0;
}

Tensor with_rows(const Tensor& like, std::size_t rows) {
  Shape shape = like.shape;
  shape[0] = static_cast<std::int64_t>(rows);
  return make_tensor(like.name, like.type, shape);
}

// Elements, or bytes, of `rows` rows.
std::size_t share(std::size_t whole, std::int64_t of_rows, std::size_t rows) {
  return of_rows == 0 ? 0 : whole / static_cast<std::size_t>(of_rows) * rows;
}

}  // namespace

Result<> can_batch(const Description& description) {
  for (const auto* side : {&description.inputs, &description.outputs}) {
    for (const TensorInfo& info : *side) {
      if (has_free_rows(info)) continue;
      return fail(invalid(formatted(
          "its calls cannot be batched: '{}' has shape {}, whose first dimension is not free",
          info.name, to_string(info.shape))));
    }
  }
  if (description.inputs.empty()) {
    return fail(invalid("its calls cannot be batched: it has no input"));
  }
  return {};
}

std::optional<BatchShape> batch_shape(const Description& description, const InferRequest& request) {
  BatchShape shape;
  for (const TensorInfo& info : description.inputs) {
    const Tensor* tensor = request.input(info.name);
    if (tensor == nullptr || tensor->shape.rank() == 0) return std::nullopt;
    const auto rows = static_cast<std::size_t>(tensor->shape[0]);
    if (rows == 0 || (shape.rows != 0 && rows != shape.rows)) return std::nullopt;
    shape.rows = rows;
    for (const std::int64_t dim : tensor->shape.dims().subspan(1)) {
      shape.key += formatted("{},", dim);
    }
    shape.key += ';';
  }
  for (const std::string& output : request.outputs) {
    shape.key += formatted("{}:{}", output.size(), output);
  }
  return shape;
}

std::vector<Tensor> join_rows(const Description& description,
                              std::span<const InferRequest* const> requests) {
  std::vector<Tensor> joined;
  joined.reserve(description.inputs.size());
  for (const TensorInfo& info : description.inputs) {
    std::vector<const Tensor*> parts;
    std::size_t rows = 0;
    for (const InferRequest* request : requests) {
      parts.push_back(request->input(info.name));
      rows += static_cast<std::size_t>(parts.back()->shape[0]);
    }
    Tensor whole = with_rows(*parts.front(), rows);
    auto bytes = whole.data.data();
    auto strings = whole.strings.begin();
    for (const Tensor* part : parts) {
      bytes = std::ranges::copy(part->data.bytes(), bytes).out;
      strings = std::ranges::copy(part->strings, strings).out;
    }
    joined.push_back(std::move(whole));
  }
  return joined;
}

Result<std::vector<std::vector<Tensor>>> split_rows(std::span<const Tensor> tensors,
                                                    std::span<const std::size_t> rows) {
  const auto total = std::accumulate(rows.begin(), rows.end(), std::size_t{0});
  std::vector<std::vector<Tensor>> split(rows.size());
  for (const Tensor& whole : tensors) {
    if (whole.shape.rank() == 0 || whole.shape[0] != static_cast<std::int64_t>(total)) {
      return fail(internal(
          formatted("output '{}' came with shape {} for {} rows: the batch cannot be taken apart",
                    whole.name, to_string(whole.shape), total)));
    }
    auto bytes = whole.data.bytes();
    auto strings = std::span(whole.strings);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Tensor part = with_rows(whole, rows[i]);
      const std::size_t part_bytes = share(whole.data.size(), whole.shape[0], rows[i]);
      const std::size_t part_strings = share(whole.strings.size(), whole.shape[0], rows[i]);
      std::ranges::copy(bytes.first(part_bytes), part.data.data());
      std::ranges::copy(strings.first(part_strings), part.strings.begin());
      bytes = bytes.subspan(part_bytes);
      strings = strings.subspan(part_strings);
      split[i].push_back(std::move(part));
    }
  }
  return split;
}

}  // namespace sluice::onnx
