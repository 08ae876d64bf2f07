// Vectors of texts have length 1, so that their product is the cosine between them.
#pragma once

#include <vector>

namespace sluice {

// Makes it of length 1; zeros, which have no direction, stay.
void make_unit(std::vector<float>& vector);

}  // namespace sluice
