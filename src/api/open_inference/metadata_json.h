// What is said of server and callables, as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/open_inference/face.h"

namespace sluice::api::open_inference {

std::string server_metadata_json(std::string_view version);
std::string model_metadata_json(std::string_view name, const ModelFacts& facts);
std::string index_json(const std::vector<IndexRow>& rows);
// A free fact of a description as text, as both forms tell it.
std::string property_text(const Parameter& value);

}  // namespace sluice::api::open_inference
