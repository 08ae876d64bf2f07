#include "base/format.h"

namespace sluice {

std::string vformatted(std::string_view form, std::format_args arguments) {
  return std::vformat(form, arguments);
}

}  // namespace sluice
