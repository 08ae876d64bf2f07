// The messages of TensorFlow Serving, from and to what a callable has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/tensorflow_serving/options.h"
#include "base/result.h"
#include "inference/callable.h"
#include "inference/request.h"

namespace tensorflow::serving {
class GetModelMetadataRequest;
class GetModelMetadataResponse;
class GetModelStatusRequest;
class GetModelStatusResponse;
class PredictRequest;
class PredictResponse;
}  // namespace tensorflow::serving

namespace sluice::tensorflow_serving {

namespace wire = ::tensorflow::serving;

// The methods' paths.
inline constexpr std::string_view kPredict = "/tensorflow.serving.PredictionService/Predict";
inline constexpr std::string_view kGetModelMetadata =
    "/tensorflow.serving.PredictionService/GetModelMetadata";
inline constexpr std::string_view kGetModelStatus =
    "/tensorflow.serving.ModelService/GetModelStatus";

// All three fill in an empty message; options.model must be set.
void fill_request(wire::PredictRequest& to, const TensorflowServingOptions& options,
                  const InferRequest& request);
void fill_request(wire::GetModelMetadataRequest& to, const TensorflowServingOptions& options);
void fill_request(wire::GetModelStatusRequest& to, const TensorflowServingOptions& options);

// Inputs and outputs of the signature, in the order of their names. kInvalid where the signature is
// not there or has what Sluice has no tensors for.
Result<Description> read_metadata(const wire::GetModelMetadataResponse& from,
                                  const TensorflowServingOptions& options, std::string name);

// The highest version that is available, or that which was asked for. kUnavailable, with what the
// server says, while there is none.
Result<std::int64_t> read_status(const wire::GetModelStatusResponse& from,
                                 const TensorflowServingOptions& options);

// The outputs that are wanted, in the order of the description. kInternal where the answer is not
// what the description promises.
Result<InferResponse> read_prediction(const wire::PredictResponse& from,
                                      const Description& description, const InferRequest& asked);

// One row of zeros, or empty strings, for every input: any other dimension that may be anything is
// 1.
InferRequest made_up_request(const Description& description);

}  // namespace sluice::tensorflow_serving
