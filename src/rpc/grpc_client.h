// gRPC as a client: unary calls whose results arrive on the executor where they began.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "runtime/cancel.h"
#include "runtime/executor.h"

namespace google::protobuf {
class MessageLite;
}

namespace sluice::rpc {

// Files in PEM, read again when they change; an empty path means: none.
struct GrpcClientTls {
  std::string ca_file;           // whom to trust; none: the machine's own authorities
  bool verify = true;            // false takes any certificate: for tests only
  std::string certificate_file;  // to show
  std::string key_file;          // of it; none: it is in certificate_file
  bool operator==(const GrpcClientTls&) const = default;
};

struct GrpcChannelOptions {
  std::string address;               // host:port, [v6]:port, unix:/path
  std::optional<GrpcClientTls> tls;  // none: in the clear
  std::size_t max_message_bytes = std::size_t{16} * 1024 * 1024;  // of an answer
  Duration connect_timeout = std::chrono::seconds(1);             // of one attempt; attempts go on
  bool operator==(const GrpcChannelOptions&) const = default;
};

// What goes along with a call: lower-case keys. A value that gRPC cannot carry (it takes printable
// ASCII) is left out.
using GrpcMetadata = std::vector<std::pair<std::string, std::string>>;

struct GrpcRequest {
  std::string_view method;  // "/tensorflow.serving.PredictionService/Predict"; for start() only
  const google::protobuf::MessageLite& message;  // the same: it is written out at once
  Deadline deadline;
  GrpcMetadata metadata{};
};

// A server as calls see it: gRPC connects when the first call comes, and again after a failure, at
// most every second or so, for as long as there are calls. While it cannot, calls are answered
// kUnavailable at once. Any thread.
class GrpcChannel {
 public:
  using Done = std::move_only_function<void(Result<>)>;
  virtual ~GrpcChannel() = default;
  // Starts a call from its home thread. `answer` is filled in there, then `done` is called there,
  // exactly once, after start() has returned; `answer` must live until then. `done` keeps what it
  // holds until it has been called, also after a cancellation, which makes the result kCancelled
  // unless another was there first.
  //
  // Errors are those of rpc::error_of. One that the server cancelled by itself is kUnavailable: a
  // server that goes away may say no more than that. An answer that is no `answer` is kInternal.
  virtual CancelHandle start(Executor& home, const GrpcRequest& request,
                             google::protobuf::MessageLite& answer, Done done) = 0;
};
using GrpcChannelPtr = std::shared_ptr<GrpcChannel>;

// The channels of the process, and one thread that takes the results of their calls from gRPC and
// posts them home. The thread begins with the first channel. Made and destroyed by its owner; then
// no call is started any more, those in flight are cancelled, and their results are posted before
// the destructor returns: so the executors must outlive it.
class GrpcClient {
 public:
  GrpcClient();
  ~GrpcClient();
  GrpcClient(const GrpcClient&) = delete;
  GrpcClient& operator=(const GrpcClient&) = delete;

  // The channel with these options: that which is in use already, or a new one. From any thread.
  // kInvalid for a TLS file that cannot be read.
  Result<GrpcChannelPtr> channel(const GrpcChannelOptions& options);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sluice::rpc
