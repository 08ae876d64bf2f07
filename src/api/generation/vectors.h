// What is done to vectors after a model has made them.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "inference/generate.h"

namespace sluice::api::generation {

// Cuts every vector to its first `dimensions` and makes it of length 1 again, which loses little
// where the model was trained for it (Kusupati et al., Matryoshka Representation Learning, 2022).
// kInvalid where the vectors are shorter.
Result<> shorten(EmbedResponse& response, std::uint32_t dimensions);

}  // namespace sluice::api::generation
