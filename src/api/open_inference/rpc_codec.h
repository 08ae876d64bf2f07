// Inference requests and answers of the protocol's gRPC form.
#pragma once

#include "api/open_inference/infer_message.h"
#include "base/result.h"
#include "inference/request.h"

namespace inference {
class ModelInferRequest;
class ModelInferResponse;
}  // namespace inference

namespace sluice::api::open_inference {

// Takes inputs raw or typed, but not both in one request: with raw_input_contents every input has
// its bytes there. Every error is kInvalid and names what is wrong.
Result<InferMessage> decode_infer(const inference::ModelInferRequest& from);

// Fills in an empty message. Outputs are raw always, which every client reads.
void encode_infer(inference::ModelInferResponse& to, const InferMessage& asked,
                  const InferResponse& response);

}  // namespace sluice::api::open_inference
