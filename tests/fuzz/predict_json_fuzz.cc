// Bodies of TensorFlow Serving's :predict. The first byte chooses the types of the inputs, and how
// many there are. What is read is written as an answer in the same form, and read again where an
// answer can be asked with.
#include <cstdlib>
#include <string>

#include "api/tensorflow_serving/json_tokens.h"
#include "api/tensorflow_serving/rest_codec.h"
#include "http/json/reader.h"

namespace tf = sluice::api::tensorflow_serving;

namespace {
void check(bool good) {
  if (!good) std::abort();
}

sluice::Result<tf::PredictBody> decode(std::string_view json,
                                       const sluice::Description& description) {
  const auto replaced = tf::without_tokens(json);
  check(!replaced || replaced->size() == json.size());
  sluice::json::Reader reader;
  const auto root = reader.parse_copy(replaced ? *replaced : json);
  if (!root) return sluice::fail(root.error());
  return tf::decode_predict(*root, description, {json.size(), replaced.has_value()});
}

// Text of an answer as a request: the members have other names.
std::string as_request(const std::string& answer, tf::BodyForm form) {
  const auto colon = answer.find(':');
  return (form == tf::BodyForm::kRow ? R"({"instances")" : R"({"inputs")") + answer.substr(colon);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  sluice::Description description{.name = "m"};
  const std::size_t inputs = 1 + data[0] % 2;
  for (std::size_t i = 0; i < inputs; ++i) {
    const auto type = static_cast<sluice::DataType>((data[0] / 2 + i) % sluice::kDataTypeCount);
    description.inputs.push_back({std::string(1, static_cast<char>('a' + i)), type, {-1}});
  }
  const std::string_view json(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto body = decode(json, description);
  if (!body) {
    check(body.error().code == sluice::ErrorCode::kInvalid && !body.error().message.empty());
    return 0;
  }
  check(body->request.inputs.size() == inputs);
  sluice::InferResponse response{.model = "m", .version = "1"};
  response.outputs = body->request.inputs;
  std::string answer;
  check(tf::encode_predict(answer, body->form, response).has_value());
  const auto again = decode(as_request(answer, body->form), description);
  check(again.has_value());
  std::string same;
  response.outputs = again->request.inputs;
  check(tf::encode_predict(same, again->form, response).has_value());
  check(same == answer);
  return 0;
}
