// A model of TensorFlow Serving over time: found, described, kept up with.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "backends/tensorflow_serving/options.h"
#include "backends/tensorflow_serving/remote_model.h"
#include "base/result.h"
#include "http/tls_context.h"
#include "inference/callable.h"
#include "rpc/grpc_client.h"
#include "runtime/executor.h"

namespace tensorflow::serving {
class GetModelMetadataResponse;
class GetModelStatusResponse;
}  // namespace tensorflow::serving

namespace sluice::tensorflow_serving {

// What is known of the model: the callable, or why there is none yet.
struct Finding {
  std::string version = "1";
  CallablePtr callable;  // null until the server has described the model
  std::string reason;    // then
};

// Asks the server every watch_every for the model's state by GetModelStatus and, when it is
// available, for its signature by GetModelMetadata; more often while it is not. Until there is an
// answer nobody knows what the model takes, so there is no callable; once there was one it stays,
// is not ready while the server is away or has unloaded the model, and is replaced when version or
// signature change.
//
// Owned by app/; made on any thread, asks from its home.
class Watch final : public std::enable_shared_from_this<Watch> {
 public:
  // Told of every change, on the home thread.
  using Changed = std::function<void(const Finding&)>;

  // kInvalid for TLS files that cannot be used. `client` and `home` must outlive the last share of
  // this, and nothing is asked before start().
  static Result<std::shared_ptr<Watch>> make(std::string name, TensorflowServingOptions options,
                                             rpc::GrpcClient& client, Executor& home,
                                             Changed changed);

  // Once.
  void start();
  [[nodiscard]] Finding finding() const;

 private:
  Watch(std::shared_ptr<Service> service, Executor& home, Changed changed);
  // On the home thread, as is all that follows.
  void ask_status();
  void ask_metadata();
  void failed(Error error);
  void again(Duration wait);
  void change(Finding finding);
  template <class Request, class Answer>
  void ask(std::string_view method, void (Watch::*then)(const Answer&));
  void on_status(const ::tensorflow::serving::GetModelStatusResponse& answer);
  void on_metadata(const ::tensorflow::serving::GetModelMetadataResponse& answer);

  const std::shared_ptr<Service> service_;
  Executor& home_;
  const Changed changed_;
  mutable std::mutex mutex_;
  Finding finding_;  // guarded by mutex_; changed on the home thread only
};

// Every TLS file of the options that cannot be used.
std::vector<http::TlsFault> tls_faults(const TensorflowServingOptions& options);

}  // namespace sluice::tensorflow_serving
