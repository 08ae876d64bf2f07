// The calls of one completion queue, taken from gRPC before they come and used again after.
// Internal to rpc/: includes gRPC.
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "rpc/grpc_server.h"
#include "rpc/queue_executor.h"

namespace sluice::rpc {

// Methods known by their path only, whose messages stay bytes until someone parses them.
class RawService final : public grpc::Service {
 public:
  explicit RawService(const std::vector<Method>& methods);
  void request(std::size_t method, grpc::ServerContext& context, grpc::ByteBuffer& message,
               grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>& writer,
               grpc::ServerCompletionQueue& queue, void* tag);
};

class CallLane;
// Replaced whole: a call keeps those that it came to.
using MethodsPtr = std::shared_ptr<const std::vector<Method>>;

// One call after the other: requested -> (arrives) -> running -> answered -> free. gRPC reports the
// arrival, the end of sending, and the end of the call; the slot is free after the last two.
class CallSlot final : public UnaryCall {
 public:
  explicit CallSlot(CallLane& lane);

  void request(std::size_t method);

  Result<> parse(google::protobuf::MessageLite& message) override;
  google::protobuf::Arena& arena() override { return arena_; }
  [[nodiscard]] std::string_view metadata(std::string_view key) const override;
  [[nodiscard]] std::string joined_metadata(std::string_view key) const override;
  [[nodiscard]] std::string peer() const override;
  void respond(const google::protobuf::MessageLite& message) override;
  using UnaryCall::fail;
  void fail(const Error& error, int status) override;

 private:
  friend class CallLane;
  using Handler = void (CallSlot::*)(bool);
  class Event final : public QueueEvent {
   public:
    Event(CallSlot& slot, Handler handler) : slot_(slot), handler_(handler) {}
    void on_event(bool ok) override { (slot_.*handler_)(ok); }
    void* tag() { return static_cast<QueueEvent*>(this); }

   private:
    CallSlot& slot_;
    Handler handler_;
  };

  void track();
  void send();
  void arrived(bool ok);
  void sent(bool ok);
  void done(bool ok);
  void release_when_over();

  CallLane& lane_;
  std::size_t method_ = 0;
  MethodsPtr methods_;  // from the arrival on: what it began with
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>> writer_;
  grpc::ByteBuffer message_;
  grpc::ByteBuffer answer_;  // until the end of the turn
  int status_ = 0;
  std::size_t bytes_out_ = 0;
  bool counted_ = false;
  bool answered_ = false;
  bool sent_ = false;
  bool done_ = false;
  Event arrived_event_{*this, &CallSlot::arrived};
  Event sent_event_{*this, &CallSlot::sent};
  Event done_event_{*this, &CallSlot::done};
  std::array<char, 4096> block_;
  google::protobuf::Arena arena_{block_.data(), block_.size()};
};

// One queue's thread and its slots. Used on that thread, but for in_flight().
class CallLane {
 public:
  CallLane(std::unique_ptr<grpc::ServerCompletionQueue> queue, GrpcObserver* observer,
           std::size_t max_calls, bool track_calls, std::uint64_t seed);

  void set_methods(std::vector<Method> methods);
  // On the thread: for the calls that arrive from now on. The same paths in the same order.
  void replace_methods(MethodsPtr methods) { methods_ = std::move(methods); }
  [[nodiscard]] const std::vector<Method>& methods() const { return *methods_; }
  // Asks gRPC for the first calls. Before the thread runs.
  void begin(RawService& service);
  // From now on nothing is asked for. From any thread.
  void stop() { stopping_.store(true, std::memory_order_release); }

  // Closes the executor as soon as no call is left. From any thread, after the server's shutdown.
  void close_when_idle();

  QueueExecutor& executor() { return executor_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

 private:
  friend class CallSlot;
  void send_later(CallSlot& slot);
  // Keeps as many calls asked for as the method says.
  void ask_later(std::size_t method);
  void finish_turn_later();
  void finish_turn();
  void ask_for_calls(std::size_t method);
  // False when there are too many.
  bool enter();
  void leave();
  void give_back(CallSlot& slot);
  void close_if_idle();

  QueueExecutor executor_;
  RawService* service_ = nullptr;
  MethodsPtr methods_;
  GrpcObserver* observer_;
  const std::size_t max_calls_;
  const bool track_calls_;
  Random random_;  // for ids
  std::size_t max_slots_ = 0;
  std::vector<std::size_t> waiting_;  // for each method
  std::vector<std::unique_ptr<CallSlot>> slots_;
  std::vector<CallSlot*> free_;
  // Of this turn; finish_turn() is on its way while either is not empty.
  std::vector<CallSlot*> unsent_;
  std::vector<std::size_t> to_ask_;
  bool closing_ = false;
  std::atomic<std::size_t> in_flight_ = 0;
  std::atomic<bool> stopping_ = false;
};

}  // namespace sluice::rpc
