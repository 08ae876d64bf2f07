// One version of a model of TensorFlow Serving, as a callable.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "backends/tensorflow_serving/options.h"
#include "base/result.h"
#include "inference/callable.h"
#include "inference/probe.h"
#include "rpc/grpc_client.h"

namespace sluice::tensorflow_serving {

// What the versions of one model share. Any thread.
struct Service {
  Service(std::string callable, TensorflowServingOptions o, rpc::GrpcChannelPtr to,
          std::uint64_t seed);

  // What goes along with a call: traceparent (a child of the call's), tracestate, x-request-id.
  rpc::GrpcMetadata metadata_of(const Call& call);
  [[nodiscard]] Deadline deadline_of(const Call& call) const;

  [[nodiscard]] Result<> ready() const;
  void set_ready(Result<> now);

  const std::string name;  // of the callable
  const TensorflowServingOptions options;
  const rpc::GrpcChannelPtr channel;

 private:
  std::atomic<std::uint64_t> next_seed_;
  mutable std::mutex mutex_;
  Result<> ready_;  // guarded by mutex_
};

// Asks by Predict. A call goes straight to gRPC from its home thread, whichever that is, and its
// result is posted there; deadline and cancellation reach the server. Errors are those of
// rpc/status.h, with two exceptions: what the server refuses to us (UNAUTHENTICATED,
// PERMISSION_DENIED) is kInternal, since it is no fault of the caller, and so is an answer that is
// none.
class RemoteModel final : public Callable, public Probeable {
 public:
  RemoteModel(std::shared_ptr<Service> service, Description description)
      : service_(std::move(service)), description_(std::move(description)) {}

  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request&) const override {
    return {Placement::Where::kRemote, {}};
  }
  // As the server said when it was last asked.
  [[nodiscard]] Result<> ready() const override { return service_->ready(); }
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

  // By GetModelStatus.
  CancelHandle probe_health(const Call& call, Sink& sink) override;
  // The protocol has no such thing: a row of zeros.
  CancelHandle run_self_test(const Call& call, Sink& sink) override;

 private:
  const std::shared_ptr<Service> service_;
  const Description description_;
};

// An error of a call to the server, as the caller's.
Error as_callers(Error error);

}  // namespace sluice::tensorflow_serving
