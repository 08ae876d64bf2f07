#include "base/entropy.h"

#include <random>

namespace sluice {

std::uint64_t entropy() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace sluice
