#include "base/testing_repository.h"

namespace sluice::testing {

std::string in_repository(std::string_view path) {
  return std::string(SLUICE_SOURCE_DIR "/").append(path);
}

}  // namespace sluice::testing
