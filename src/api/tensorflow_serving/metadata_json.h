// What is said of a callable, as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/tensorflow_serving/face.h"
#include "inference/callable.h"

namespace sluice::api::tensorflow_serving {

// How much of the protocol's messages is written out.
enum class MetadataForm : std::uint8_t {
  kFull,   // as TensorFlow Serving's REST form: every field, the map of signatures in an object
  kBrief,  // what says something: {"model_spec": {"name", "version"}, "metadata": {"signature_def":
           // {"serving_default": {"inputs": {..: {"dtype", "tensor_shape"}}, "outputs": ..}}}}
};

// GetModelMetadataResponse: 64-bit numbers are strings there, as protobuf's JSON has them.
std::string metadata_json(std::string_view model, const Description& description,
                          MetadataForm form = MetadataForm::kFull);
// GetModelStatusResponse.
std::string status_json(const std::vector<VersionStatus>& statuses);

}  // namespace sluice::api::tensorflow_serving
