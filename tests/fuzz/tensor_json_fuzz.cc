// Inference requests of the Open Inference Protocol's REST form: JSON, and the binary tensors
// behind it. The first two bytes say how many bytes are not JSON. What is read must be written
// again as JSON that reads back the same.
#include <cstdlib>
#include <string>

#include "api/open_inference/rest_codec.h"
#include "http/json/reader.h"

namespace oip = sluice::api::open_inference;

namespace {
void check(bool good) {
  if (!good) std::abort();
}

bool has_text_only(const sluice::InferResponse& response) {
  for (const sluice::Tensor& tensor : response.outputs) {
    for (const std::string& text : tensor.strings) {
      if (!simdjson::validate_utf8(text)) return false;
    }
  }
  return true;
}

// As JSON and as binary: both must be accepted, whatever the tensors hold.
void write_and_read_again(const oip::InferMessage& asked, const sluice::InferResponse& response) {
  for (const bool binary : {false, true}) {
    oip::InferMessage wanted;
    wanted.id = asked.id;
    wanted.binary_by_default = binary;
    std::string out;
    const auto size = oip::encode_infer(out, wanted, response);
    check(size.has_value() || (!binary && !has_text_only(response)));
    if (!size) continue;
    sluice::json::Reader reader;
    check(
        reader.parse_copy(std::string_view(out).substr(0, size->value_or(out.size()))).has_value());
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string body(reinterpret_cast<const char*>(data + 2), size - 2);
  const std::size_t tail = std::min<std::size_t>(data[0] | (data[1] << 8U), body.size());
  const std::string length = std::to_string(body.size() - tail);
  const std::size_t whole = body.size();
  body.reserve(whole + sluice::json::kPadding);
  const auto parts = oip::split_body(std::string_view(body.data(), whole), length);
  check(parts.has_value());

  sluice::json::Reader reader;
  const auto root = reader.parse(parts->json);
  if (!root) {
    check(root.error().code == sluice::ErrorCode::kInvalid && !root.error().message.empty());
    return 0;
  }
  auto message = oip::decode_infer(*root, *parts);
  if (!message) {
    check(message.error().code == sluice::ErrorCode::kInvalid && !message.error().message.empty());
    return 0;
  }
  sluice::InferResponse response{.model = "m", .version = "1"};
  response.parameters = message->request.parameters;
  response.outputs = std::move(message->request.inputs);
  write_and_read_again(*message, response);
  return 0;
}
