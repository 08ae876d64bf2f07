// One unary gRPC call, as the method that answers it sees it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/function.h"
#include "base/result.h"
#include "base/time.h"
#include "http/exchange.h"
#include "inference/principal.h"
#include "rpc/guard.h"
#include "rpc/peer.h"
#include "rpc/status.h"
#include "runtime/executor.h"

namespace google::protobuf {
class Arena;
class MessageLite;
}  // namespace google::protobuf

namespace sluice::rpc {

// Made and owned by the server, used on its home thread only. A method must answer exactly once, by
// respond() or fail(), at once or later. The call and what it shows stay valid until the home
// thread's next turn after the answer, also when the client has gone (then the answer goes
// nowhere).
class UnaryCall {
 public:
  // --- the request
  // Fills in the message (made on arena(), or anywhere). kInvalid when the bytes are not one.
  virtual Result<> parse(google::protobuf::MessageLite& message) = 0;
  // Memory for messages, given back at once after the answer.
  virtual google::protobuf::Arena& arena() = 0;
  [[nodiscard]] Executor& home() const { return *home_; }
  // From the client's grpc-timeout.
  [[nodiscard]] Deadline deadline() const { return deadline_; }
  // The first value under a lower-case key; empty when there is none.
  [[nodiscard]] virtual std::string_view metadata(std::string_view key) const = 0;
  // All of them, joined by commas.
  [[nodiscard]] virtual std::string joined_metadata(std::string_view key) const = 0;
  [[nodiscard]] virtual std::string peer() const = 0;  // "ipv4:127.0.0.1:50312"
  // The IP address of it alone, or "unix", as long as the call; empty where the server keeps no
  // track of calls, since gRPC makes a new text of it each time it is asked.
  [[nodiscard]] std::string_view address() const { return address_of_peer(peer_); }
  // The method's own path.
  [[nodiscard]] std::string_view path() const { return path_; }

  // --- the answer
  virtual void respond(const google::protobuf::MessageLite& message) = 0;
  void fail(const Error& error) { fail(error, status_code(error.code)); }
  // With a gRPC status of the protocol's own choice, where its clients expect another one.
  virtual void fail(const Error& error, int status) = 0;

  // Runs when the client goes away (or its deadline passes) before the answer: stop the work, then
  // answer all the same.
  void on_cancel(Task task) { on_cancel_ = std::move(task); }
  [[nodiscard]] bool cancelled() const { return cancelled_; }

  // State of the method that lives as long as the call.
  template <class T, class... Args>
  T& attach(Args&&... args) {
    auto owned = std::make_unique<Holder<T>>(std::forward<Args>(args)...);
    T& value = owned->value;
    attachment_ = std::move(owned);
    return value;
  }

  [[nodiscard]] std::size_t bytes_in() const { return bytes_in_; }  // of the request

  // For metrics and the log, as for an HTTP exchange.
  telemetry::RequestTimings timings;
  http::ExchangeLabels labels;
  std::optional<ErrorCode> error;
  // Under which names the call is found again: the caller's where they are well-formed, else new
  // ones. Empty where the server keeps no track of calls.
  std::string request_id;
  std::string traceparent;
  // Who calls, where that is known by a key.
  PrincipalPtr principal;

 protected:
  UnaryCall() = default;
  UnaryCall(const UnaryCall&) = delete;
  UnaryCall& operator=(const UnaryCall&) = delete;
  virtual ~UnaryCall() = default;

  struct Attachment {
    virtual ~Attachment() = default;
  };
  template <class T>
  struct Holder final : Attachment {
    template <class... Args>
    explicit Holder(Args&&... args) : value(std::forward<Args>(args)...) {}
    T value;
  };

  Executor* home_ = nullptr;
  Deadline deadline_;
  std::string_view path_;
  std::size_t bytes_in_ = 0;
  std::string peer_;  // kept where calls are tracked: gRPC forgets it when one is cancelled
  bool cancelled_ = false;
  Task on_cancel_;
  std::unique_ptr<Attachment> attachment_;
};

struct Method {
  std::string path;  // "/inference.GRPCInferenceService/ModelInfer"
  std::function<void(UnaryCall&)> handler;
  http::ExchangeLabels labels;  // must outlive the server
  bool probe = false;           // health: not worth a line in the log
  // How many calls a thread can take from gRPC before it has run: more for what is called often.
  std::size_t waiting = 4;
  // What the caller must be allowed, and who asks; null: nobody is asked.
  Scope scope = Scope::kAny;
  std::shared_ptr<Guard> guard{};
};

}  // namespace sluice::rpc
