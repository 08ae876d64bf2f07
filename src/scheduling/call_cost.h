// What calls cost, by which tenants get equal parts: tokens of a language model, else calls.
#pragma once

#include "inference/request.h"

namespace sluice::scheduling {

// Before a call runs, without looking at a token: charged until the truth is known.
double expected_cost(const Request& request);
// Of an answer; at least 1. Tokens that were found computed already cost nothing.
double cost_of(const Response& response);

}  // namespace sluice::scheduling
