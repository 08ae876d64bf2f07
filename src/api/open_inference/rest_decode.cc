#include <array>
#include <charconv>

#include "api/open_inference/json_tensor.h"
#include "api/open_inference/raw_tensor.h"
#include "api/open_inference/rest_codec.h"
#include "api/open_inference/rest_fields.h"
#include "base/format.h"

namespace sluice::api::open_inference {

namespace {
namespace dom = simdjson::dom;

Result<Shape> shape_of(std::string_view input, const dom::element& value) {
  dom::array array;
  const Where where = Where("input", input).part("shape");
  if (value.get(array) != simdjson::SUCCESS) return fail(unexpected(where, "an array", value));
  std::array<std::int64_t, Shape::kMaxRank + 1> dims{};
  std::size_t rank = 0;
  for (const dom::element each : array) {
    if (rank == dims.size()) break;
    if (each.get(dims[rank]) != simdjson::SUCCESS) {
      const std::string part = formatted("shape[{}]", rank);
      return fail(unexpected(where.part(part), "a whole number", each));
    }
    ++rank;
  }
  if (rank == dims.size()) {
    return fail(
        invalid(formatted("{} has more than {} dimensions", where.text(), Shape::kMaxRank)));
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
    if (auto read = members.read(Where("the request"), root); !read) return fail(read.error());
    if (members[0]) {
      if (auto id = take_id(*members[0]); !id) return fail(id.error());
    }
    if (members[1]) {
      auto parameters = parameters_of(Where("parameters"), *members[1]);
      if (!parameters) return fail(parameters.error());
      if (auto taken = take_reserved(std::move(*parameters), message_); !taken) {
        return fail(taken.error());
      }
    }
    const auto inputs = members.need(Where("the request"), 2);
    if (!inputs) return fail(inputs.error());
    if (auto each = for_each("inputs", *inputs, &Decoder::take_input); !each) {
      return fail(each.error());
    }
    if (!tensors_.empty()) {
      return fail(
          invalid(formatted("{} bytes of binary data belong to no input", tensors_.size())));
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
    const auto id = text_of(Where("id"), value);
    if (!id) return fail(id.error());
    if (id->size() > kMaxIdBytes) {
      return fail(invalid(formatted("the id is longer than {} bytes", kMaxIdBytes)));
    }
    message_.id = *id;
    return {};
  }

  Result<> for_each(std::string_view what, const dom::element& value,
                    Result<> (Decoder::*take)(const Where&, const dom::element&)) {
    dom::array array;
    if (value.get(array) != simdjson::SUCCESS)
      return fail(unexpected(Where(what), "an array", value));
    std::size_t index = 0;
    for (const dom::element each : array) {
      if (index == kMaxTensors) {
        return fail(invalid(formatted("more than {} {}", kMaxTensors, what)));
      }
      if (auto taken = (this->*take)(Where(what, index++), each); !taken) return taken;
    }
    return {};
  }

  Result<> take_input(const Where& where, const dom::element& value) {
    static constexpr std::array<std::string_view, 5> kNames{"name", "shape", "datatype", "data",
                                                            "parameters"};
    Members<5> members(kNames);
    if (auto read = members.read(where, value); !read) return read;
    const auto name_value = members.need(where, 0);
    if (!name_value) return fail(name_value.error());
    const auto name = text_of(where.part("name"), *name_value);
    if (!name) return fail(name.error());
    if (auto good = check_name("an input", *name); !good) return good;
    const Where input("input", *name);

    const auto shape_value = members.need(input, 1);
    if (!shape_value) return fail(shape_value.error());
    const auto shape = shape_of(*name, *shape_value);
    if (!shape) return fail(shape.error());
    const auto type_value = members.need(input, 2);
    if (!type_value) return fail(type_value.error());
    const auto type_name = text_of(input.part("datatype"), *type_value);
    if (!type_name) return fail(type_name.error());
    const auto type = checked_type(*name, *type_name);
    if (!type) return fail(type.error());

    std::optional<std::size_t> binary;
    if (members[4]) {
      const auto parameters = parameters_of(input.part("parameters"), *members[4]);
      if (!parameters) return fail(parameters.error());
      if (auto good = check_tensor_parameters(input.text(), *parameters); !good) return good;
      auto size = binary_size(input, *parameters);
      if (!size) return fail(size.error());
      binary = *size;
    }
    if (binary && members[3]) {
      return fail(invalid(formatted("{} has both 'data' and 'binary_data_size'", input.text())));
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
  [[nodiscard]] Result<std::optional<std::size_t>> binary_size(const Where& input,
                                                               const Parameters& parameters) const {
    const auto found = parameters.find("binary_data_size");
    if (found == parameters.end()) return std::nullopt;
    const auto* size = std::get_if<std::int64_t>(&found->second);
    if (size == nullptr || *size < 0) {
      return fail(
          invalid(formatted("{}: binary_data_size must be a number of bytes", input.text())));
    }
    if (static_cast<std::size_t>(*size) > tensors_.size()) {
      return fail(
          invalid(formatted("{}: binary_data_size is {}, but {} bytes are left after the "
                            "JSON and the inputs before",
                            input.text(), *size, tensors_.size())));
    }
    return static_cast<std::size_t>(*size);
  }

  Result<> take_output(const Where& where, const dom::element& value) {
    static constexpr std::array<std::string_view, 2> kNames{"name", "parameters"};
    Members<2> members(kNames);
    if (auto read = members.read(where, value); !read) return read;
    const auto name_value = members.need(where, 0);
    if (!name_value) return fail(name_value.error());
    const auto name = text_of(where.part("name"), *name_value);
    if (!name) return fail(name.error());
    if (auto good = check_name("an output", *name); !good) return good;
    message_.request.outputs.emplace_back(*name);
    if (!members[1]) return {};
    const Where output("output", *name);
    const auto parameters = parameters_of(output.part("parameters"), *members[1]);
    if (!parameters) return fail(parameters.error());
    if (auto good = check_tensor_parameters(output.text(), *parameters); !good) return good;
    if (const auto found = parameters->find("binary_data"); found != parameters->end()) {
      const auto* flag = std::get_if<bool>(&found->second);
      if (flag == nullptr) {
        return fail(invalid(formatted("{}: binary_data must be a boolean", output.text())));
      }
      message_.binary.emplace_back(*name, *flag);
    }
    return {};
  }

  const RestBody& body_;
  std::string_view tensors_;  // what no input has taken yet
  InferMessage message_;
};
}  // namespace

Result<RestBody> split_body(std::string_view body, std::optional<std::string_view> header_length) {
  if (!header_length) return RestBody{body, {}};
  std::size_t size = 0;
  const char* end = header_length->data() + header_length->size();
  const auto [stop, code] = std::from_chars(header_length->data(), end, size);
  if (code != std::errc() || stop != end || size > body.size()) {
    return fail(invalid(formatted("{} must be a number of bytes within the body of {}",
                                  kHeaderLength, body.size())));
  }
  return RestBody{body.substr(0, size), body.substr(size)};
}

Result<InferMessage> decode_infer(const dom::element& root, const RestBody& body) {
  return Decoder(body).run(root);
}

}  // namespace sluice::api::open_inference
