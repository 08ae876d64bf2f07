#include "api/open_inference/infer_message.h"

#include "base/format.h"
#include "http/json/writer.h"

namespace sluice::api::open_inference {

namespace {
Result<std::int64_t> whole_number(std::string_view name, const Parameter& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value); number != nullptr && *number >= 0) {
    return *number;
  }
  return fail(invalid(formatted("parameter '{}' must be a whole number of at least 0", name)));
}

// An identifier, a flag or nothing: does it ask for a sequence?
bool asks_for_sequence(const Parameter& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number != 0;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* text = std::get_if<std::string>(&value)) return !text->empty();
  return true;
}

Result<> take_one(const std::string& name, const Parameter& value, InferMessage& message) {
  if (name == "timeout") {
    const auto micros = whole_number(name, value);
    if (!micros) return fail(micros.error());
    constexpr std::int64_t kLongest =
        std::chrono::microseconds(std::chrono::hours(24 * 365)).count();
    message.timeout = std::chrono::microseconds(std::min(*micros, kLongest));
  } else if (name == "priority") {
    const auto priority = whole_number(name, value);
    if (!priority) return fail(priority.error());
    message.service_class = *priority <= 1 ? ServiceClass::kRealtime : ServiceClass::kBestEffort;
  } else if (name == "binary_data_output") {
    const auto* flag = std::get_if<bool>(&value);
    if (flag == nullptr) return fail(invalid("parameter 'binary_data_output' must be a boolean"));
    message.binary_by_default = *flag;
  } else if (name.starts_with("sequence_")) {
    if (asks_for_sequence(value)) {
      return fail(invalid(formatted(
          "parameter '{}': nothing here keeps state from one request to the next", name)));
    }
  } else if (!name.starts_with("triton_")) {
    message.request.parameters.emplace(name, value);
  }
  return {};
}
}  // namespace

bool InferMessage::wants_binary(std::string_view output) const {
  for (const auto& [name, wanted] : binary) {
    if (name == output) return wanted;
  }
  return binary_by_default;
}

Result<> take_reserved(Parameters parameters, InferMessage& message) {
  for (const auto& [name, value] : parameters) {
    if (auto taken = take_one(name, value, message); !taken) return taken;
  }
  return {};
}

Result<> check_tensor_parameters(std::string_view what, const Parameters& parameters) {
  for (const auto& [name, value] : parameters) {
    if (name.starts_with("shared_memory_")) {
      return fail(invalid(formatted("{}: shared memory is not supported", what)));
    }
    if (name == "classification") {
      const auto* classes = std::get_if<std::int64_t>(&value);
      if (classes == nullptr || *classes != 0) {
        return fail(invalid(formatted("{}: classification is not supported", what)));
      }
    }
  }
  return {};
}

std::string errors_json(const std::vector<MemberError>& errors) {
  std::string text;
  if (errors.empty()) return text;
  json::Writer out(text);
  out.begin_object();
  for (const MemberError& failed : errors) {
    out.key(failed.member).begin_object();
    out.field("code", to_string(failed.error.code)).field("message", failed.error.message);
    out.end_object();
  }
  out.end_object();
  return text;
}

Result<> check_name(std::string_view what, std::string_view name) {
  if (name.size() <= kMaxNameBytes) return {};
  return fail(invalid(formatted("the name of {} is longer than {} bytes", what, kMaxNameBytes)));
}

Result<Shape> checked_shape(std::string_view input, std::span<const std::int64_t> dims) {
  if (dims.size() > Shape::kMaxRank) {
    return fail(invalid(formatted("input '{}': the shape has {} dimensions, at most {} are taken",
                                  input, dims.size(), Shape::kMaxRank)));
  }
  for (const std::int64_t dim : dims) {
    if (dim < 0) {
      return fail(invalid(formatted("input '{}': the shape has a dimension of {}", input, dim)));
    }
  }
  const Shape shape(dims);
  if (!shape.elements()) {
    return fail(invalid(formatted("input '{}': a shape of {} has too many elements to count", input,
                                  to_string(shape))));
  }
  return shape;
}

Result<DataType> checked_type(std::string_view input, std::string_view name) {
  if (const auto type = parse_data_type(name)) return *type;
  std::string known;
  for (std::size_t i = 0; i < kDataTypeCount; ++i) {
    known += formatted("{}{}", i == 0 ? "" : ", ", to_string(static_cast<DataType>(i)));
  }
  return fail(invalid(formatted("input '{}': unknown datatype '{}'; known are {}", input,
                                name.substr(0, 40), known)));
}

}  // namespace sluice::api::open_inference
