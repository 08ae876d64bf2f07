// Asks each member of an ensemble one thing beside the ensemble's own work, and waits for all.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/ensemble.h"
#include "http/exchange.h"
#include "inference/probe.h"

namespace sluice::horizontal {

struct MemberReport {
  std::string member;
  Result<InferResponse> result;
};

// What to ask of one member: by its probe where it has one, else of the callable itself.
struct MemberQuestion {
  std::function<CancelHandle(Probeable&, const Call&, Sink&)> probe;
  std::function<CancelHandle(Callable&, const Call&, Sink&)> otherwise;
};

// Asks all side by side until the ensemble's deadline, and calls `done` once with a report for
// each, in order. Those that are probed start first; what others do on this thread is bounded by
// kInlineBound, then it is pooled. A client that goes away stops it, and `done` is called all the
// same. A wrong X-Deadline-Ms is answered here, and nobody is asked.
void ask_members(http::Exchange& exchange, const Clock& clock, std::shared_ptr<Callable> ensemble,
                 MemberQuestion question,
                 std::move_only_function<void(http::Exchange&, std::vector<MemberReport>)> done);

}  // namespace sluice::horizontal
