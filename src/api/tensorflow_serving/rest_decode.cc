#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "api/tensorflow_serving/face.h"
#include "api/tensorflow_serving/json_tokens.h"
#include "api/tensorflow_serving/rest_codec.h"
#include "base/base64.h"
#include "base/format.h"
#include "http/json/tensor_element.h"
#include "rpc/tensorflow_tensor.h"

namespace sluice::api::tensorflow_serving {

namespace {
namespace dom = simdjson::dom;
using json::ElementRead;

constexpr std::string_view kBase64 = "b64";

// {"b64": ".."} and nothing else.
std::optional<std::string_view> base64_of(const dom::element& value) {
  dom::object object;
  std::string_view text;
  if (value.get(object) != simdjson::SUCCESS || object.size() != 1 ||
      object.at_key(kBase64).get(text) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return text;
}

// An object that holds named values, and is not itself a value.
bool is_named(const dom::element& value, const BodyText& text) {
  return value.is_object() && !base64_of(value) && !(text.has_tokens && token_of(value));
}

void set_token(double number, float& to) {
  to = static_cast<float>(number);
}
void set_token(double number, double& to) {
  to = number;
}
void set_token(double number, json::Half& to) {
  to.bits = float_to_half(static_cast<float>(number));
}
void set_token(double number, json::Bfloat& to) {
  to.bits = float_to_bfloat(static_cast<float>(number));
}

// The dimensions by the first value of each array; what comes after must be alike.
Result<> add_dims(const dom::element& value, std::string_view where, Shape& shape) {
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  std::size_t rank = 0;
  for (; rank < shape.rank(); ++rank) dims[rank] = shape[rank];
  dom::element at = value;
  for (dom::array array; at.get(array) == simdjson::SUCCESS; at = array.at(0).value_unsafe()) {
    if (rank == dims.size()) {
      return fail(
          invalid(formatted("{} is nested deeper than {} dimensions", where, Shape::kMaxRank)));
    }
    // Not array.size(), which ends at 2^24.
    for (auto it = array.begin(); it != array.end(); ++it) ++dims[rank];
    if (dims[rank++] == 0) break;
  }
  shape = Shape(std::span(dims.data(), rank));
  return {};
}

// Writes the elements of one tensor one after the other.
template <class T>
class Filler {
 public:
  Filler(const Tensor& tensor, T* out, const BodyText& text)
      : tensor_(tensor), out_(out), text_(text) {}

  // `value` has the tensor's dimensions from `depth` on; `where` is its place.
  Result<> fill(const dom::element& value, std::size_t depth, std::string_view where) {
    where_ = where;
    first_ = depth;
    return level(value, depth);
  }

 private:
  Result<> level(const dom::element& value, std::size_t depth) {
    if (depth == tensor_.shape.rank()) return leaf(value);
    dom::array array;
    if (value.get(array) != simdjson::SUCCESS) {
      return fail(invalid(
          formatted("{} is {}, expected an array of {}: all values of '{}' must "
                    "be nested alike",
                    place(depth), json::excerpt(value), tensor_.shape[depth], tensor_.name)));
    }
    std::int64_t count = 0;
    for (const dom::element element : array) {
      at_[depth] = count;
      if (++count > tensor_.shape[depth]) continue;
      if (auto filled = level(element, depth + 1); !filled) return filled;
    }
    if (count == tensor_.shape[depth]) return {};
    return fail(
        invalid(formatted("{} has {} values, expected {}: all arrays of '{}' must have "
                          "the same length",
                          place(depth), count, tensor_.shape[depth], tensor_.name)));
  }

  Result<> leaf(const dom::element& value) {
    T& to = *out_++;
    if constexpr (requires { set_token(0.0, to); }) {
      if (const auto token = text_.has_tokens ? token_of(value) : std::nullopt) {
        set_token(*token, to);
        return {};
      }
    }
    if constexpr (std::same_as<T, std::string>) {
      if (const auto base64 = base64_of(value)) {
        auto bytes = from_base64(*base64);
        if (!bytes) {
          return fail(invalid(formatted("{}: its b64 is not base64", place(last()))));
        }
        to = std::move(*bytes);
        return {};
      }
    }
    const ElementRead result = json::read_element(value, to);
    if (result == ElementRead::kOk) return {};
    return fail(
        invalid(formatted("{} is {}, {} {}", place(last()), json::excerpt(value),
                          result == ElementRead::kTooLarge ? "which does not fit" : "expected",
                          rpc::tensorflow_name(tensor_.type))));
  }

  [[nodiscard]] std::size_t last() const { return tensor_.shape.rank(); }

  // "instances[2].x[0]"
  [[nodiscard]] std::string place(std::size_t depth) const {
    std::string text(where_);
    for (std::size_t i = first_; i < depth; ++i) text += formatted("[{}]", at_[i]);
    return text;
  }

  const Tensor& tensor_;
  T* out_;
  const BodyText& text_;
  std::string_view where_;
  std::size_t first_ = 0;
  std::array<std::int64_t, Shape::kMaxRank> at_{};
};

class Decoder {
 public:
  Decoder(const Description& description, const BodyText& text)
      : description_(description), text_(text) {}

  Result<PredictBody> run(const dom::element& root) {
    dom::object object;
    if (root.get(object) != simdjson::SUCCESS) {
      return fail(invalid(formatted("the body must be an object, got {}", json::excerpt(root))));
    }
    std::optional<dom::element> instances;
    std::optional<dom::element> inputs;
    for (const auto [key, value] : object) {
      std::optional<dom::element>* place = nullptr;
      if (key == "instances") place = &instances;
      if (key == "inputs") place = &inputs;
      if (place != nullptr) {
        if (*place) return fail(invalid(formatted("'{}' is there twice", key)));
        *place = value;
      } else if (key == "signature_name") {
        std::string_view name;
        if (value.get(name) != simdjson::SUCCESS) {
          return fail(
              invalid(formatted("signature_name must be a string, got {}", json::excerpt(value))));
        }
        if (auto good = check_signature(name); !good) return fail(std::move(good.error()));
      }
    }
    if (instances.has_value() == inputs.has_value()) {
      return fail(invalid(instances ? "either 'instances' or 'inputs' must be there, not both"
                                    : "'instances' or 'inputs' is missing"));
    }
    body_.form = instances ? BodyForm::kRow : BodyForm::kColumn;
    auto taken = instances ? take_rows(*instances) : take_columns(*inputs);
    if (!taken) return fail(std::move(taken.error()));
    return std::move(body_);
  }

 private:
  // The input that needs no name.
  [[nodiscard]] Result<const TensorInfo*> only_input(std::string_view where) const {
    if (description_.inputs.size() == 1) return &description_.inputs[0];
    std::string names;
    for (const TensorInfo& info : description_.inputs) {
      names += formatted("{}'{}'", names.empty() ? "" : ", ", info.name);
    }
    return fail(
        invalid(formatted("{} must be an object of named values: the inputs of '{}' are "
                          "{}",
                          where, description_.name, names)));
  }

  [[nodiscard]] Result<Tensor> make(const TensorInfo& info, const Shape& shape,
                                    std::string_view where) const {
    // A value takes at least a digit and a comma.
    const auto elements = shape.elements();
    if (!elements || static_cast<std::uint64_t>(*elements) > text_.size / 2 + 1) {
      return fail(
          invalid(formatted("{}: all arrays of '{}' must have the same length", where, info.name)));
    }
    return make_tensor(info.name, info.type, shape);
  }

  Result<> take_whole(const TensorInfo& info, const dom::element& value, std::string_view where) {
    Shape shape;
    if (auto added = add_dims(value, where, shape); !added) return added;
    auto tensor = make(info, shape, where);
    if (!tensor) return fail(std::move(tensor.error()));
    auto filled = json::with_elements(*tensor, [&]<class T>(T* out) {
      return Filler<T>(*tensor, out, text_).fill(value, 0, where);
    });
    if (!filled) return filled;
    body_.request.inputs.push_back(std::move(*tensor));
    return {};
  }

  // No key that is no input: a misspelt one would be a missing one elsewhere.
  [[nodiscard]] Result<> check_keys(const dom::object& object, std::string_view where) const {
    for (const auto [key, value] : object) {
      if (description_.input(key) == nullptr) {
        return fail(invalid(formatted("{}: '{}' has no input '{}'", where, description_.name,
                                      key.substr(0, kMaxNameBytes))));
      }
    }
    return {};
  }

  [[nodiscard]] static Result<dom::element> member(const dom::object& object,
                                                   const std::string& name,
                                                   std::string_view where) {
    dom::element value;
    if (object.at_key(name).get(value) == simdjson::SUCCESS) return value;
    return fail(invalid(formatted("{} has no '{}'", where, name)));
  }

  Result<> take_columns(const dom::element& inputs) {
    if (!is_named(inputs, text_)) {
      const auto info = only_input("inputs");
      if (!info) return fail(info.error());
      return take_whole(**info, inputs, "inputs");
    }
    const dom::object object = inputs.get_object().value_unsafe();
    if (auto good = check_keys(object, "inputs"); !good) return good;
    for (const TensorInfo& info : description_.inputs) {
      const auto value = member(object, info.name, "inputs");
      if (!value) return fail(value.error());
      if (auto taken = take_whole(info, *value, "inputs." + info.name); !taken) return taken;
    }
    return {};
  }

  Result<> take_rows(const dom::element& instances) {
    dom::array rows;
    if (instances.get(rows) != simdjson::SUCCESS) {
      return fail(
          invalid(formatted("instances must be an array, got {}", json::excerpt(instances))));
    }
    dom::element first;
    if (rows.at(0).get(first) != simdjson::SUCCESS) return fail(invalid("instances is empty"));
    if (!is_named(first, text_)) {
      const auto info = only_input("each of instances");
      if (!info) return fail(info.error());
      return take_whole(**info, instances, "instances");
    }
    std::int64_t count = 0;
    for (const dom::element row : rows) {
      const std::string where = formatted("instances[{}]", count++);
      if (!is_named(row, text_)) {
        return fail(invalid(formatted("{} must be an object like the one before, got {}", where,
                                      json::excerpt(row))));
      }
      if (auto good = check_keys(row.get_object().value_unsafe(), where); !good) return good;
    }
    for (const TensorInfo& info : description_.inputs) {
      if (auto taken = take_named(info, rows, count); !taken) return taken;
    }
    return {};
  }

  // One input out of every row.
  Result<> take_named(const TensorInfo& info, const dom::array& rows, std::int64_t count) {
    Shape shape{count};
    const auto first = member(rows.at(0).get_object().value_unsafe(), info.name, "instances[0]");
    if (!first) return fail(first.error());
    if (auto added = add_dims(*first, "instances[0]." + info.name, shape); !added) return added;
    auto tensor = make(info, shape, "instances");
    if (!tensor) return fail(std::move(tensor.error()));
    auto filled = json::with_elements(*tensor, [&]<class T>(T* out) -> Result<> {
      Filler<T> filler(*tensor, out, text_);
      std::size_t index = 0;
      for (const dom::element row : rows) {
        const std::string where = formatted("instances[{}]", index++);
        const auto value = member(row.get_object().value_unsafe(), info.name, where);
        if (!value) return fail(value.error());
        if (auto good = filler.fill(*value, 1, where + "." + info.name); !good) return good;
      }
      return {};
    });
    if (!filled) return filled;
    body_.request.inputs.push_back(std::move(*tensor));
    return {};
  }

  const Description& description_;
  const BodyText& text_;
  PredictBody body_;
};
}  // namespace

Result<PredictBody> decode_predict(const dom::element& root, const Description& description,
                                   const BodyText& text) {
  return Decoder(description, text).run(root);
}

}  // namespace sluice::api::tensorflow_serving
