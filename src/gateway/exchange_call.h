// From an HTTP exchange to a call and back: the part that is the same for every API over HTTP.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/gateway.h"
#include "http/exchange.h"
#include "inference/callable.h"

namespace sluice::gateway {

// How the API has read the request, beside the input.
struct CallOptions {
  std::optional<Duration> timeout;          // asked for in the body; the header's may be shorter
  std::optional<Duration> default_timeout;  // where the client asks for none
  ServiceClass service_class = ServiceClass::kRealtime;
  CallTimes* times = nullptr;  // filled in for who asks; lives as long as the listener
};

// Starts the callable with the exchange's deadline (X-Deadline-Ms), trace and request id, cancels
// it when the client goes away, and hands the result to `answer`, which must answer the exchange.
// Keeps callable and input alive until then. One for each exchange; on the exchange's loop only.
//
// `callable` may be a place in the loop's own registry: a share is taken only when the call does
// not end at once. A caller with a key needs the scope of the callable (kForbidden), and its calls
// have its tenant and at most its class. Who prefers to be answered later (Prefer: respond-async),
// where the exchange has somebody for that, is answered by that one and `answer` is not called.
//
// `asked` is the callable of this call. Another may stand under its name by the time of the answer,
// or none, so who needs to know what it was asks this one and not the registry.
using Answer =
    std::move_only_function<void(http::Exchange&, const Callable& asked, Result<InferResponse>)>;
void start_call(http::Exchange& exchange, const Clock& clock, const CallablePtr& callable,
                InferRequest request, Answer answer, const CallOptions& options = {});

// The same for every kind of request. The response is of the request's kind: a callable that takes
// another is not started (kInvalid).
struct Listener {
  std::move_only_function<void(http::Exchange&, Part)> on_part;  // may be empty
  std::move_only_function<void(http::Exchange&, Result<Response>)> answer;
};
void start_request(http::Exchange& exchange, const Clock& clock, const CallablePtr& callable,
                   Request request, Listener listener, const CallOptions& options = {});

// A response of the kind that the caller knows it to be.
template <class T>
Result<T> response_as(Result<Response> result) {
  if (!result) return fail(std::move(result.error()));
  return std::get<T>(std::move(*result));
}

// Under which names a call for this exchange is found again: what the server made, else what the
// client sent; empty where neither did. Views into the exchange.
std::string_view request_id_of(const http::Exchange& exchange);
std::string_view traceparent_of(const http::Exchange& exchange);
// What vendors say of the trace: several lines are one list (W3C Trace Context 3.3).
std::string tracestate_of(const http::Exchange& exchange);

// The deadline that the client gave in X-Deadline-Ms: none, or kInvalid when it is no number.
Result<std::optional<Duration>> requested_timeout(const http::RequestHead& head);

}  // namespace sluice::gateway
