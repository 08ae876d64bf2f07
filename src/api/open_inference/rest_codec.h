// Inference requests and answers of the protocol's REST form, with the binary tensor extension.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/open_inference/infer_message.h"
#include "base/result.h"
#include "inference/request.h"

namespace simdjson::dom {
class element;
}

namespace sluice::api::open_inference {

// The header that says how many bytes of a body are JSON; what follows them are tensors.
inline constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";

// A body as its two parts.
struct RestBody {
  std::string_view json;
  std::string_view tensors;
};

// Without the header all of it is JSON. Fails (kInvalid) when the value is no number or too large.
Result<RestBody> split_body(std::string_view body, std::optional<std::string_view> header_length);

// `root` is body.json, parsed. Every error is kInvalid and names what is wrong.
Result<InferMessage> decode_infer(const simdjson::dom::element& root, const RestBody& body);

// Appends the answer to `out`. Returns how many bytes of it are JSON, where tensors follow: the
// value of kHeaderLength for the answer; none when all of it is JSON.
Result<std::optional<std::size_t>> encode_infer(std::string& out, const InferMessage& asked,
                                                const InferResponse& response);

// {"error": "..."}
std::string error_json(std::string_view message);

}  // namespace sluice::api::open_inference
