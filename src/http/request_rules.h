// What a well-formed request head must also be, so that no two readers understand it differently.
#pragma once

#include <optional>

#include "http/request_parser.h"

namespace sluice::http {

// Fills in what follows from method, target and headers (path, query, host, framing, keep-alive).
// Returns why the request is refused, or nothing.
std::optional<Refusal> apply_rules(RequestHead& head);

}  // namespace sluice::http
