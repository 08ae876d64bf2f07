// The calls of the process's gRPC client, and the queue through which their results come. Internal
// to rpc/: includes gRPC.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "rpc/grpc_client.h"

namespace sluice::rpc {

class ClientCall;

// Takes results from gRPC on a thread of its own. Any thread.
class ClientQueue {
 public:
  ClientQueue() = default;
  ~ClientQueue() { close(); }
  ClientQueue(const ClientQueue&) = delete;
  ClientQueue& operator=(const ClientQueue&) = delete;

  // Begins the call, unless the queue is closed: then the call's result is that. The stub need not
  // outlive this.
  void start(const std::shared_ptr<ClientCall>& call, grpc::GenericStub& stub,
             const GrpcRequest& request);
  // Cancels what is in flight and returns when all of it is over.
  void close();

 private:
  void run();

  grpc::CompletionQueue queue_;
  std::mutex mutex_;
  std::condition_variable started_;  // starting_ fell to 0
  std::thread thread_;               // guarded by mutex_, as is the rest
  std::unordered_set<ClientCall*> in_flight_;
  std::size_t starting_ = 0;  // of these: on their way to gRPC
  bool closed_ = false;
};

// One call. Shared by its cancel handle, and by itself while gRPC has it.
class ClientCall final : public Cancellable, public std::enable_shared_from_this<ClientCall> {
 public:
  ClientCall(Executor& home, google::protobuf::MessageLite& answer, GrpcChannel::Done done,
             std::string_view address)
      : home_(home), answer_(answer), done_(std::move(done)), address_(address) {}

  void cancel() override;

 private:
  friend class ClientQueue;
  void begin(grpc::GenericStub& stub, const GrpcRequest& request, grpc::CompletionQueue& queue);
  // On the queue's thread: hands the result to the home thread.
  void arrived();
  void refuse(Error error);
  [[nodiscard]] Result<> outcome();

  Executor& home_;
  google::protobuf::MessageLite& answer_;
  GrpcChannel::Done done_;
  const std::string address_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_;
  grpc::ByteBuffer message_;
  grpc::Status status_;
  std::atomic<bool> cancelled_ = false;
  std::shared_ptr<ClientCall> self_;  // while gRPC has it
};

}  // namespace sluice::rpc
