// Who may administer.
#pragma once

#include <string>

#include "http/exchange.h"

namespace sluice::admin {

// Does the request show the key in X-API-Key? If not it has been answered. Empty: nobody is asked.
bool shows_key(http::Exchange& exchange, const std::string& key);

}  // namespace sluice::admin
