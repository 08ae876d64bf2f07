#include "services/horizontal/prediction.h"

#include <optional>

#include "base/format.h"
#include "http/json/writer.h"

namespace sluice::horizontal {

namespace {

std::size_t columns_of(const Tensor& tensor) {
  const auto rows = static_cast<std::size_t>(tensor.shape.rows());
  return rows == 0 ? 0 : static_cast<std::size_t>(tensor.shape.elements().value_or(0)) / rows;
}

void append_row(std::string& out, const Tensor& tensor, std::size_t row, std::size_t columns) {
  out += '[';
  for (std::size_t c = 0; c < columns; ++c) {
    if (c > 0) out += ',';
    const std::size_t i = row * columns + c;
    if (tensor.type == DataType::kFp32) {
      json::append_number(out, tensor.as<float>()[i]);
    } else {
      json::append_number(out, element_as_double(tensor, i).value_or(0));
    }
  }
  out += ']';
}

bool is_float(DataType type) {
  return type == DataType::kFp32 || type == DataType::kFp64 || type == DataType::kFp16 ||
         type == DataType::kBf16;
}

// The part of an output's name that says which of the member's outputs it is; none when it is of
// another member.
std::optional<std::string_view> name_within(std::string_view name, std::string_view member) {
  if (member.empty()) return name;
  if (!name.starts_with(member)) return std::nullopt;
  name.remove_prefix(member.size());
  if (!name.starts_with('.')) return std::nullopt;
  return name.substr(1);
}

bool may_be_prediction(std::string_view name, DataType type, std::string_view output) {
  return output.empty() ? is_float(type) : name == output;
}

// None, or more than one, gives null.
const TensorInfo* only_prediction(const Description& target, std::string_view output,
                                  std::string_view member) {
  const TensorInfo* found = nullptr;
  for (const TensorInfo& info : target.outputs) {
    const auto name = name_within(info.name, member);
    if (!name || !may_be_prediction(*name, info.type, output)) continue;
    if (found != nullptr) return nullptr;
    found = &info;
  }
  return found;
}

}  // namespace

std::vector<std::string> prediction_names(const Description& target, std::string_view output) {
  std::vector<std::string> names;
  const auto add = [&](std::string_view member) {
    const TensorInfo* found = only_prediction(target, output, member);
    if (found != nullptr) names.push_back(found->name);
    return found != nullptr;
  };
  if (target.members.empty()) {
    add({});
    return names;
  }
  // The name of an output of the whole, as one of the merge rule: which is meant is not known here.
  if (target.output(output) != nullptr) return {};
  for (const std::string& member : target.members) {
    if (!add(member)) return {};
  }
  return names;
}

Result<const Tensor*> prediction_of(const InferResponse& response, std::string_view output,
                                    std::string_view prefix) {
  const Tensor* found = nullptr;
  for (const Tensor& tensor : response.outputs) {
    const auto name = name_within(tensor.name, prefix);
    if (!name || !may_be_prediction(*name, tensor.type, output)) continue;
    if (found != nullptr) {
      return fail(
          internal("the model has several floating-point outputs; say which is the "
                   "prediction (output: ..)"));
    }
    found = &tensor;
  }
  if (found == nullptr) return fail(internal("the model gave no output that is a prediction"));
  if (found->type == DataType::kBytes) {
    return fail(internal(formatted("output '{}' is text; a prediction is numbers", found->name)));
  }
  return found;
}

void append_first_row(std::string& out, const Tensor& prediction) {
  append_row(out, prediction, 0, columns_of(prediction));
}

void append_prediction(std::string& out, const Tensor& prediction) {
  const auto rows = static_cast<std::size_t>(prediction.shape.rows());
  const std::size_t columns = columns_of(prediction);
  out += "\"prediction\":";
  append_row(out, prediction, 0, columns);
  if (rows < 2) return;
  out += ",\"predictions\":[";
  for (std::size_t row = 0; row < rows; ++row) {
    if (row > 0) out += ',';
    append_row(out, prediction, row, columns);
  }
  out += ']';
}

std::string_view numpy_name(DataType type) {
  switch (type) {
    case DataType::kBool:
      return "bool";
    case DataType::kUint8:
      return "uint8";
    case DataType::kUint16:
      return "uint16";
    case DataType::kUint32:
      return "uint32";
    case DataType::kUint64:
      return "uint64";
    case DataType::kInt8:
      return "int8";
    case DataType::kInt16:
      return "int16";
    case DataType::kInt32:
      return "int32";
    case DataType::kInt64:
      return "int64";
    case DataType::kFp16:
      return "float16";
    case DataType::kBf16:
      return "bfloat16";
    case DataType::kFp32:
      return "float32";
    case DataType::kFp64:
      return "float64";
    case DataType::kBytes:
      return "object";
  }
  return "object";
}

std::string structure(std::size_t rows, std::size_t columns) {
  return formatted("({},{})", rows, columns);
}

std::string structure(const Tensor& tensor) {
  return structure(static_cast<std::size_t>(tensor.shape.rows()), columns_of(tensor));
}

}  // namespace sluice::horizontal
