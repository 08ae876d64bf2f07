#include "services/async_iris/codec.h"

#include <algorithm>

#include "base/format.h"
#include "http/json/writer.h"

namespace sluice::async_iris {

namespace {

// The output with a row of probabilities for each row of the input.
Result<const Tensor*> probabilities_of(const InferResponse& response, std::string_view wanted) {
  const auto fits = [](const Tensor& tensor) {
    return (tensor.type == DataType::kFp32 || tensor.type == DataType::kFp64 ||
            tensor.type == DataType::kFp16 || tensor.type == DataType::kBf16) &&
           tensor.shape.rank() >= 1 && tensor.shape.elements().value_or(0) > 0;
  };
  const Tensor* found = nullptr;
  for (const Tensor& tensor : response.outputs) {
    if (!(wanted.empty() ? fits(tensor) : tensor.name == wanted)) continue;
    if (found != nullptr) {
      return fail(internal("the model has several floating-point outputs; set 'output' to one"));
    }
    found = &tensor;
  }
  if (found == nullptr || !fits(*found)) {
    return fail(internal(wanted.empty()
                             ? "the model gave no floating-point output"
                             : formatted("the model gave no probabilities in '{}'", wanted)));
  }
  return found;
}

class AsyncIrisCodec final : public jobs::Codec {
 public:
  explicit AsyncIrisCodec(const OptionsByCallable& options) : options_(options) {}

  Result<Request> decode(std::string_view input, const Description& callable) override {
    auto tensor = reader_.read_copy(input, input_of(callable), rules_of(of(callable)));
    if (!tensor) return fail(tensor.error().error);
    InferRequest request;
    request.inputs.push_back(std::move(*tensor));
    return request;
  }

  Result<jobs::RunOutput> encode(const Response& response, const Description& callable,
                                 std::string_view /*job*/) override {
    const AsyncIrisOptions& options = of(callable);
    const auto found = probabilities_of(std::get<InferResponse>(response), options.output);
    if (!found) return fail(found.error());
    const Tensor& tensor = **found;
    const auto all = static_cast<std::size_t>(*tensor.shape.elements());
    const auto columns = static_cast<std::size_t>(
        tensor.shape.rank() == 1 ? tensor.shape[0] : tensor.shape[tensor.shape.rank() - 1]);
    const std::size_t rows = all / columns;
    jobs::RunOutput out{.action = "prediction_completed"};
    std::string summary;
    out.bytes += '{';
    append_row(out.bytes, tensor, 0, columns, options, summary);
    if (options.log_result) out.summary = summary;
    if (rows > 1) {
      out.bytes += R"(,"predictions":[)";
      for (std::size_t row = 0; row < rows; ++row) {
        out.bytes += row == 0 ? "{" : ",{";
        append_row(out.bytes, tensor, row, columns, options, summary);
        out.bytes += '}';
      }
      out.bytes += ']';
    }
    out.bytes += '}';
    return out;
  }

 private:
  const AsyncIrisOptions& of(const Description& callable) const {
    const auto it = options_.find(callable.name);
    return it != options_.end() ? it->second : defaults_;
  }
  // Without braces.
  static void append_row(std::string& out, const Tensor& tensor, std::size_t row,
                         std::size_t columns, const AsyncIrisOptions& options,
                         std::string& class_name) {
    std::size_t best = 0;
    double highest = -1;
    std::string list;
    for (std::size_t i = 0; i < columns; ++i) {
      const double value = element_as_double(tensor, row * columns + i).value_or(0);
      if (value > highest) {
        highest = value;
        best = i;
      }
      if (i > 0) list += ',';
      // As the tensor has it: a float prints as the shortest text that reads back as it.
      if (tensor.type == DataType::kFp64) {
        json::append_number(list, value);
      } else {
        json::append_number(list, static_cast<float>(value));
      }
    }
    class_name = best < options.classes.size() ? options.classes[best] : std::to_string(best);
    out += R"("prediction":)";
    json::append_integer(out, static_cast<std::uint64_t>(best));
    out += R"(,"class_name":)";
    json::append_string(out, class_name);
    out += R"(,"probabilities":[)";
    out += list;
    out += ']';
  }

  const OptionsByCallable& options_;
  const AsyncIrisOptions defaults_;
  rows::RowsReader reader_;
};

}  // namespace

std::unique_ptr<jobs::Codec> make_codec(const OptionsByCallable& options) {
  return std::make_unique<AsyncIrisCodec>(options);
}

rows::RowRules rules_of(const AsyncIrisOptions& options) {
  return {.above = options.above, .below = options.below, .bare_array = true};
}

TensorInfo input_of(const Description& callable) {
  return callable.inputs.empty() ? TensorInfo{"input", DataType::kFp32, {-1, -1}}
                                 : callable.inputs.front();
}

}  // namespace sluice::async_iris
