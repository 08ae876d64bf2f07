// From a unary gRPC call to a call and back: what exchange_call.h is for HTTP.
#pragma once

#include <functional>

#include "gateway/exchange_call.h"
#include "inference/callable.h"
#include "rpc/unary_call.h"

namespace sluice::gateway {

// Starts the callable with the client's deadline, trace and request id, cancels it when the client
// goes away, and hands the result to `answer`, which must answer the call. Keeps callable and input
// alive until then. One for each call; on the call's home thread only. The earlier of gRPC's own
// deadline and options.timeout is the one that the caller asked for.
//
// `callable` may be a place in the thread's own registry: a share is taken only when the call does
// not end at once. As over HTTP, a caller with a key needs the scope of the callable.
using RpcAnswer = std::move_only_function<void(rpc::UnaryCall&, Result<InferResponse>)>;
void start_call(rpc::UnaryCall& call, const Clock& clock, const CallablePtr& callable,
                InferRequest request, RpcAnswer answer, const CallOptions& options = {});

}  // namespace sluice::gateway
