// The messages of the gRPC form, without the calls.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/tensorflow_serving/face.h"
#include "base/result.h"
#include "inference/callable.h"
#include "inference/request.h"

namespace tensorflow::serving {
class GetModelMetadataRequest;
class GetModelMetadataResponse;
class GetModelStatusResponse;
class ModelSpec;
class PredictRequest;
class PredictResponse;
}  // namespace tensorflow::serving

namespace sluice::api::tensorflow_serving {

namespace wire = ::tensorflow::serving;

// Views into the message.
ModelChoice choice_of(const wire::ModelSpec& spec);

// Inputs and filter; the model and its signature are another matter. Every error is kInvalid and
// names what is wrong.
Result<InferRequest> decode_predict(const wire::PredictRequest& from);
// Fills in an empty message.
void encode_predict(wire::PredictResponse& to, std::string_view model, std::string_view version,
                    const InferResponse& response);

// kInvalid where something else than the signatures is asked for, or nothing.
Result<> check_metadata_fields(const wire::GetModelMetadataRequest& from);
void encode_metadata(wire::GetModelMetadataResponse& to, std::string_view model,
                     const Description& description);
void encode_status(wire::GetModelStatusResponse& to, const std::vector<VersionStatus>& statuses);

}  // namespace sluice::api::tensorflow_serving
