#include <print>

#include "app/commands.h"
#include "app/local_server.h"
#include "app/remote.h"
#include "base/format.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::app {

namespace {

struct Input {
  std::string name;
  std::string datatype;
  std::int64_t columns = -1;  // -1: any
};

// What the model takes, by its own account.
Result<Input> input_of(const http::Url& url, const std::string& model, const std::string& key) {
  auto response = ask(url, "/v2/models/" + model, {}, key);
  if (!response) return fail(response.error());
  json::Reader reader;
  auto root = reader.parse_copy(response->body);
  if (!root) return fail(root.error());
  simdjson::dom::array inputs;
  if ((*root)["inputs"].get(inputs) != simdjson::SUCCESS || inputs.size() == 0) {
    return Input{"float_input", "FP32", -1};  // a service that is away does not say
  }
  if (inputs.size() != 1) {
    return fail(invalid(formatted("'{}' takes {} inputs; ask it over HTTP", model, inputs.size())));
  }
  const simdjson::dom::element first = inputs.at(0).value();
  Input input;
  input.name = std::string(first["name"].get_string().value());
  input.datatype = std::string(first["datatype"].get_string().value());
  simdjson::dom::array shape;
  std::int64_t last = -1;
  if (first["shape"].get(shape) == simdjson::SUCCESS && shape.size() == 2 &&
      shape.at(1).get_int64().get(last) == simdjson::SUCCESS) {
    input.columns = last;
  }
  return input;
}

std::string body_of(const Input& input, const std::vector<double>& values, std::size_t columns) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("inputs").begin_array().begin_object();
  writer.field("name", input.name).field("datatype", input.datatype);
  writer.key("shape").begin_array().value(values.size() / columns).value(columns).end_array();
  writer.key("data").begin_array();
  for (const double value : values) writer.value(value);
  writer.end_array().end_object().end_array().end_object();
  return body;
}

void print_outputs(const simdjson::dom::element& root) {
  simdjson::dom::array outputs;
  if (root["outputs"].get(outputs) != simdjson::SUCCESS) return;
  std::size_t width = 0;
  for (const simdjson::dom::element output : outputs) {
    width = std::max(width, output["name"].get_string().value().size());
  }
  for (const simdjson::dom::element output : outputs) {
    std::string values;
    simdjson::dom::array data;
    if (output["data"].get(data) != simdjson::SUCCESS) continue;
    for (const simdjson::dom::element value : data) {
      if (!values.empty()) values += ' ';
      values += simdjson::minify(value);
    }
    std::println("{:<{}}  {:<5} {:<8} {}", output["name"].get_string().value(), width,
                 output["datatype"].get_string().value(), simdjson::minify(output["shape"].value()),
                 values);
  }
  std::string_view errors;
  if (root["parameters"]["sluice_errors"].get(errors) == simdjson::SUCCESS) {
    std::println(stderr, "without an answer: {}", errors);
  }
}

Result<std::string> ask_model(const http::Url& url, const std::string& model,
                              const std::vector<double>& values, const std::string& key) {
  const auto input = input_of(url, model, key);
  if (!input) return fail(input.error());
  const std::size_t columns =
      input->columns > 0 ? static_cast<std::size_t>(input->columns) : values.size();
  if (values.empty() || values.size() % columns != 0) {
    return fail(
        invalid(formatted("'{}' takes rows of {} numbers, got {}", model, columns, values.size())));
  }
  auto response = ask(url, "/v2/models/" + model + "/infer", body_of(*input, values, columns), key);
  if (!response) return fail(response.error());
  return std::move(response->body);
}

}  // namespace

int predict(const ServerChoice& server, const std::string& model, const std::vector<double>& values,
            bool as_json) {
  auto target = Target::open(server);
  Result<std::string> answer = target ? ask_model(target->url(), model, values, server.key)
                                      : Result<std::string>(fail(target.error()));
  if (!answer) {
    std::println(stderr, "sluice predict: {}", answer.error().message);
    if (!server.local && answer.error().code == ErrorCode::kUnavailable) {
      std::println(stderr, "Is a server running? Without one: sluice predict --local {} ..", model);
    }
    return 1;
  }
  if (as_json) {
    std::println("{}", *answer);
    return 0;
  }
  json::Reader reader;
  const auto root = reader.parse_copy(*answer);
  if (!root) {
    std::println(stderr, "sluice predict: {}", root.error().message);
    return 1;
  }
  print_outputs(*root);
  return 0;
}

}  // namespace sluice::app
