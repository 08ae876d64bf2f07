#include "api/generation/vectors.h"

#include <vector>

#include "base/format.h"
#include "inference/unit_vector.h"

namespace sluice::api::generation {

Result<> shorten(EmbedResponse& response, std::uint32_t dimensions) {
  for (std::vector<float>& vector : response.vectors) {
    if (vector.size() < dimensions) {
      return fail(invalid(formatted("'dimensions' is {}, and this model's vectors have {}",
                                    dimensions, vector.size())));
    }
    if (vector.size() == dimensions) continue;
    vector.resize(dimensions);
    make_unit(vector);
  }
  return {};
}

}  // namespace sluice::api::generation
