#include "api/open_inference/rest_codec.h"

#include <array>
#include <charconv>
#include <format>

#include "api/open_inference/json_tensor.h"
#include "api/open_inference/raw_tensor.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::api::open_inference {

namespace {
namespace dom = simdjson::dom;

Error unexpected(std::string_view where, std::string_view expected, const dom::element& got) {
  return invalid(std::format("{} must be {}, got {}", where, expected, json::excerpt(got)));
}

Result<std::string_view> text_of(std::string_view where, const dom::element& value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return fail(unexpected(where, "a string", value));
  return text;
}

Result<Parameter> parameter_of(std::string_view name, const dom::element& value) {
  if (bool flag = false; value.get(flag) == simdjson::SUCCESS) return flag;
  if (std::int64_t number = 0; value.get(number) == simdjson::SUCCESS) return number;
  if (double number = 0; value.get(number) == simdjson::SUCCESS) return number;
  if (std::string_view text; value.get(text) == simdjson::SUCCESS) return std::string(text);
  return fail(
      unexpected(std::format("parameter '{}'", name), "a boolean, a number or a string", value));
}

Result<Parameters> parameters_of(std::string_view where, const dom::element& value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return fail(unexpected(where, "an object", value));
  Parameters parameters;
  for (const auto [name, each] : object) {
    if (auto good = check_name("a parameter", name); !good) return fail(good.error());
    auto parameter = parameter_of(name, each);
    if (!parameter) return fail(parameter.error());
    if (!parameters.emplace(std::string(name), std::move(*parameter)).second) {
      return fail(invalid(std::format("parameter '{}' is there twice", name)));
    }
    if (parameters.size() > kMaxParameters) {
      return fail(invalid(std::format("{} has more than {} entries", where, kMaxParameters)));
    }
  }
  return parameters;
}

// The members of an object that are known here, by position in `names`; others are ignored, as the
// protocol wants.
template <std::size_t N>
class Members {
 public:
  explicit Members(const std::array<std::string_view, N>& names) : names_(names) {}

  Result<> read(std::string_view where, const dom::element& value) {
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return fail(unexpected(where, "an object", value));
    for (const auto [key, each] : object) {
      for (std::size_t i = 0; i < N; ++i) {
        if (key != names_[i]) continue;
        if (found_[i]) return fail(invalid(std::format("{}: '{}' is there twice", where, key)));
        found_[i] = each;
      }
    }
    return {};
  }
  [[nodiscard]] const std::optional<dom::element>& operator[](std::size_t i) const {
    return found_[i];
  }
  [[nodiscard]] Result<dom::element> need(std::string_view where, std::size_t i) const {
    if (found_[i]) return *found_[i];
    return fail(invalid(std::format("{} has no '{}'", where, names_[i])));
  }

 private:
  const std::array<std::string_view, N>& names_;
  std::array<std::optional<dom::element>, N> found_{};
};

Result<Shape> shape_of(std::string_view input, const dom::element& value) {
  dom::array array;
  const auto where = [&] { return std::format("input '{}': shape", input); };
  if (value.get(array) != simdjson::SUCCESS) return fail(unexpected(where(), "an array", value));
  std::array<std::int64_t, Shape::kMaxRank + 1> dims{};
  std::size_t rank = 0;
  for (const dom::element each : array) {
    if (rank == dims.size()) break;
    if (each.get(dims[rank]) != simdjson::SUCCESS) {
      return fail(unexpected(std::format("{}[{}]", where(), rank), "a whole number", each));
    }
    ++rank;
  }
  if (rank == dims.size()) {
    return fail(invalid(std::format("{} has more than {} dimensions", where(), Shape::kMaxRank)));
  }
  return checked_shape(input, {dims.data(), rank});
}

class Decoder {
 public:
  explicit Decoder(const RestBody& body) : body_(body), tensors_(body.tensors) {}

  Result<InferMessage> run(const dom::element& root) {
    static constexpr std::array<std::string_view, 4> kNames{"id", "parameters", "inputs",
                                                            "outputs"};
    Members<4> members(kNames);
    if (auto read = members.read("the request", root); !read) return fail(read.error());
    if (members[0]) {
      if (auto id = take_id(*members[0]); !id) return fail(id.error());
    }
    if (members[1]) {
      auto parameters = parameters_of("parameters", *members[1]);
      if (!parameters) return fail(parameters.error());
      if (auto taken = take_reserved(std::move(*parameters), message_); !taken) {
        return fail(taken.error());
      }
    }
    const auto inputs = members.need("the request", 2);
    if (!inputs) return fail(inputs.error());
    if (auto each = for_each("inputs", *inputs, &Decoder::take_input); !each) {
      return fail(each.error());
    }
    if (!tensors_.empty()) {
      return fail(
          invalid(std::format("{} bytes of binary data belong to no input", tensors_.size())));
    }
    if (members[3]) {
      if (auto each = for_each("outputs", *members[3], &Decoder::take_output); !each) {
        return fail(each.error());
      }
    }
    return std::move(message_);
  }

 private:
  Result<> take_id(const dom::element& value) {
    const auto id = text_of("id", value);
    if (!id) return fail(id.error());
    if (id->size() > kMaxIdBytes) {
      return fail(invalid(std::format("the id is longer than {} bytes", kMaxIdBytes)));
    }
    message_.id = *id;
    return {};
  }

  Result<> for_each(std::string_view what, const dom::element& value,
                    Result<> (Decoder::*take)(std::string_view, const dom::element&)) {
    dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return fail(unexpected(what, "an array", value));
    std::size_t index = 0;
    for (const dom::element each : array) {
      if (index == kMaxTensors) {
        return fail(invalid(std::format("more than {} {}", kMaxTensors, what)));
      }
      const std::string where = std::format("{}[{}]", what, index++);
      if (auto taken = (this->*take)(where, each); !taken) return taken;
    }
    return {};
  }

  Result<> take_input(std::string_view where, const dom::element& value) {
    static constexpr std::array<std::string_view, 5> kNames{"name", "shape", "datatype", "data",
                                                            "parameters"};
    Members<5> members(kNames);
    if (auto read = members.read(where, value); !read) return read;
    const auto name_value = members.need(where, 0);
    if (!name_value) return fail(name_value.error());
    const auto name = text_of(std::format("{}.name", where), *name_value);
    if (!name) return fail(name.error());
    if (auto good = check_name("an input", *name); !good) return good;
    const std::string input = std::format("input '{}'", *name);

    const auto shape_value = members.need(input, 1);
    if (!shape_value) return fail(shape_value.error());
    const auto shape = shape_of(*name, *shape_value);
    if (!shape) return fail(shape.error());
    const auto type_value = members.need(input, 2);
    if (!type_value) return fail(type_value.error());
    const auto type_name = text_of(std::format("{}: datatype", input), *type_value);
    if (!type_name) return fail(type_name.error());
    const auto type = checked_type(*name, *type_name);
    if (!type) return fail(type.error());

    std::optional<std::size_t> binary;
    if (members[4]) {
      const auto parameters = parameters_of(std::format("{}: parameters", input), *members[4]);
      if (!parameters) return fail(parameters.error());
      if (auto good = check_tensor_parameters(input, *parameters); !good) return good;
      auto size = binary_size(input, *parameters);
      if (!size) return fail(size.error());
      binary = *size;
    }
    if (binary && members[3]) {
      return fail(invalid(std::format("{} has both 'data' and 'binary_data_size'", input)));
    }
    Result<Tensor> tensor = fail(ErrorCode::kInternal, {});
    if (binary) {
      tensor = tensor_from_raw(std::string(*name), *type, *shape, tensors_.substr(0, *binary));
      tensors_.remove_prefix(*binary);
    } else {
      const auto data = members.need(input, 3);
      if (!data) return fail(data.error());
      tensor = tensor_from_json(std::string(*name), *type, *shape, *data, body_.json.size());
    }
    if (!tensor) return fail(tensor.error());
    message_.request.inputs.push_back(std::move(*tensor));
    return {};
  }

  // What parameter binary_data_size says; none when it is not there.
  [[nodiscard]] Result<std::optional<std::size_t>> binary_size(std::string_view input,
                                                               const Parameters& parameters) const {
    const auto found = parameters.find("binary_data_size");
    if (found == parameters.end()) return std::nullopt;
    const auto* size = std::get_if<std::int64_t>(&found->second);
    if (size == nullptr || *size < 0) {
      return fail(invalid(std::format("{}: binary_data_size must be a number of bytes", input)));
    }
    if (static_cast<std::size_t>(*size) > tensors_.size()) {
      return fail(
          invalid(std::format("{}: binary_data_size is {}, but {} bytes are left after the "
                              "JSON and the inputs before",
                              input, *size, tensors_.size())));
    }
    return static_cast<std::size_t>(*size);
  }

  Result<> take_output(std::string_view where, const dom::element& value) {
    static constexpr std::array<std::string_view, 2> kNames{"name", "parameters"};
    Members<2> members(kNames);
    if (auto read = members.read(where, value); !read) return read;
    const auto name_value = members.need(where, 0);
    if (!name_value) return fail(name_value.error());
    const auto name = text_of(std::format("{}.name", where), *name_value);
    if (!name) return fail(name.error());
    if (auto good = check_name("an output", *name); !good) return good;
    message_.request.outputs.emplace_back(*name);
    if (!members[1]) return {};
    const std::string output = std::format("output '{}'", *name);
    const auto parameters = parameters_of(std::format("{}: parameters", output), *members[1]);
    if (!parameters) return fail(parameters.error());
    if (auto good = check_tensor_parameters(output, *parameters); !good) return good;
    if (const auto found = parameters->find("binary_data"); found != parameters->end()) {
      const auto* flag = std::get_if<bool>(&found->second);
      if (flag == nullptr) {
        return fail(invalid(std::format("{}: binary_data must be a boolean", output)));
      }
      message_.binary.emplace_back(*name, *flag);
    }
    return {};
  }

  const RestBody& body_;
  std::string_view tensors_;  // what no input has taken yet
  InferMessage message_;
};

void write_parameters(json::Writer& out, const InferResponse& response) {
  if (response.parameters.empty() && response.errors.empty()) return;
  out.key("parameters").begin_object();
  for (const auto& [name, value] : response.parameters) {
    out.key(name);
    std::visit([&](const auto& v) { out.value(v); }, value);
  }
  if (!response.errors.empty()) out.field(kErrorsParameter, errors_json(response.errors));
  out.end_object();
}
}  // namespace

Result<RestBody> split_body(std::string_view body, std::optional<std::string_view> header_length) {
  if (!header_length) return RestBody{body, {}};
  std::size_t size = 0;
  const char* end = header_length->data() + header_length->size();
  const auto [stop, code] = std::from_chars(header_length->data(), end, size);
  if (code != std::errc() || stop != end || size > body.size()) {
    return fail(invalid(std::format("{} must be a number of bytes within the body of {}",
                                    kHeaderLength, body.size())));
  }
  return RestBody{body.substr(0, size), body.substr(size)};
}

Result<InferMessage> decode_infer(const dom::element& root, const RestBody& body) {
  return Decoder(body).run(root);
}

Result<std::optional<std::size_t>> encode_infer(std::string& out, const InferMessage& asked,
                                                const InferResponse& response) {
  const std::size_t start = out.size();
  bool any_binary = false;
  json::Writer json(out);
  json.begin_object().field("model_name", response.model).field("model_version", response.version);
  if (!asked.id.empty()) json.field("id", asked.id);
  write_parameters(json, response);
  json.key("outputs").begin_array();
  for (const Tensor& tensor : response.outputs) {
    json.begin_object().field("name", tensor.name).field("datatype", to_string(tensor.type));
    json.key("shape").begin_array();
    for (const std::int64_t dim : tensor.shape.dims()) json.value(dim);
    json.end_array();
    if (asked.wants_binary(tensor.name)) {
      any_binary = true;
      json.key("parameters").begin_object();
      json.field("binary_data_size", raw_size(tensor)).end_object();
    } else {
      json.key("data");
      if (auto written = append_json(out, tensor); !written) return fail(written.error());
    }
    json.end_object();
  }
  json.end_array().end_object();
  if (!any_binary) return std::nullopt;
  const std::size_t size = out.size() - start;
  for (const Tensor& tensor : response.outputs) {
    if (asked.wants_binary(tensor.name)) append_raw(out, tensor);
  }
  return size;
}

std::string error_json(std::string_view message) {
  std::string text;
  json::Writer(text).begin_object().field("error", message).end_object();
  return text;
}

}  // namespace sluice::api::open_inference
