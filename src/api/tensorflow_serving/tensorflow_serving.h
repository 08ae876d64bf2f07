// TensorFlow Serving's predictions for every callable, over REST (8501 there) and gRPC (8500
// there): Predict, GetModelMetadata, GetModelStatus. What clients of that server send is
// understood, and they are answered as by it.
#pragma once

#include <memory>
#include <vector>

#include "gateway/mount.h"
#include "http/router.h"
#include "rpc/unary_call.h"

namespace sluice::api::tensorflow_serving {

// Puts the REST form under /v1/models on a router, for one io thread. With a target the mount
// serves only that callable. What is returned must live as long as the router.
//
// Errors are {"error": "..."}: 400 for anything that is wrong with a request, else the statuses of
// http::status_of.
Result<std::shared_ptr<const void>> add_tensorflow_serving(http::Router& router,
                                                           const gateway::Mount& mount);

// The methods of tensorflow.serving.PredictionService and ModelService for one thread of a gRPC
// server; `mount.local` is the view that belongs to that thread. Those that are not served here are
// UNIMPLEMENTED.
std::vector<rpc::Method> tensorflow_serving_methods(const gateway::Mount& mount);

}  // namespace sluice::api::tensorflow_serving
