// The Open Inference Protocol v2 for every callable, over REST and gRPC: server and model metadata,
// health, inference, the repository's index, loading and unloading.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/mount.h"
#include "http/router.h"
#include "rpc/unary_call.h"

namespace sluice::api::open_inference {

struct OpenInferenceOptions {
  bool administration = false;  // may models be loaded and unloaded here?
  std::string key;  // asked for in X-API-Key (gRPC: x-api-key) for that; empty: nobody is
  std::string server_version;  // told in the server's metadata
};

// Puts the REST form under /v2 on a router, for one io thread. With a target the mount serves only
// that callable. What is returned must live as long as the router.
//
// Errors are {"error": "..."}: 400 for what is no JSON (with the byte) or has its parts wrong, 422
// for wrong names, types, shapes and values, 404, 429, 503, 504 as everywhere.
Result<std::shared_ptr<const void>> add_open_inference(http::Router& router,
                                                       const gateway::Mount& mount,
                                                       const OpenInferenceOptions& options);

// The methods of inference.GRPCInferenceService for one thread of a gRPC server; `mount.local` is
// the view that belongs to that thread.
std::vector<rpc::Method> open_inference_methods(const gateway::Mount& mount,
                                                const OpenInferenceOptions& options);

}  // namespace sluice::api::open_inference
