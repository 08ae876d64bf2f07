#include "api/generation/vectors.h"

#include <cmath>
#include <format>
#include <vector>

namespace sluice::api::generation {

namespace {
void make_unit(std::vector<float>& vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  if (squares == 0) return;
  const double scale = 1 / std::sqrt(squares);
  for (float& value : vector) value = static_cast<float>(value * scale);
}
}  // namespace

Result<> shorten(EmbedResponse& response, std::uint32_t dimensions) {
  for (std::vector<float>& vector : response.vectors) {
    if (vector.size() < dimensions) {
      return fail(invalid(std::format("'dimensions' is {}, and this model's vectors have {}",
                                      dimensions, vector.size())));
    }
    if (vector.size() == dimensions) continue;
    vector.resize(dimensions);
    make_unit(vector);
  }
  return {};
}

}  // namespace sluice::api::generation
