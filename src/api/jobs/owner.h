// Whose a request is.
#pragma once

#include <string>

#include "http/exchange.h"

namespace sluice::api::jobs {

// The one place where it is decided to whom what a request makes belongs. Empty: to nobody in
// particular, as where there are no keys.
inline std::string owner_of(const http::Exchange& /*exchange*/) {
  return {};
}

}  // namespace sluice::api::jobs
