// A gRPC server of unary methods: listening, threads, limits and shutting down. What a method does
// is its own business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "rpc/server_certificates.h"
#include "rpc/unary_call.h"

namespace sluice::rpc {

struct GrpcServerOptions {
  std::string address =
      "127.0.0.1:8081";  // host:port, [v6]:port (port 0: any free one), unix:/path
  std::size_t threads = 1;
  std::size_t max_message_bytes = std::size_t{10} * 1024 * 1024;  // of a request
  std::size_t max_calls = 1024;                   // in flight, shared out evenly to the threads
  Duration keepalive = std::chrono::seconds(75);  // a ping after so long without a word
  Duration keepalive_timeout = std::chrono::seconds(20);  // then closed
  std::optional<GrpcTls> tls;                             // none: in the clear
  bool track_calls = false;  // every call gets an id and a trace, for the log
  std::uint64_t seed = 1;    // of those
  // Another server of this process has the address and will be shut down: until then both get
  // connections. Not for Unix sockets. Else an address that anybody has is refused.
  bool replaces = false;
};

// Makes the methods of one thread, whose calls come home to the executor: the same paths for all.
using MethodsMaker = std::function<std::vector<Method>(std::size_t thread, Executor& home)>;

// Told about every call, on its home thread, many at once.
class GrpcObserver {
 public:
  virtual ~GrpcObserver() = default;
  // An answer was handed to the connection, or would have been had the client not gone
  // (cancelled()). `status` is gRPC's number.
  virtual void on_answered(const UnaryCall& call, int status, std::uint64_t bytes_out,
                           bool probe) = 0;
  virtual void on_in_flight(int change) = 0;
};

// Each thread has a completion queue that is its calls' home executor (see QueueExecutor); which
// thread gets a connection is gRPC's choice. A call beyond max_calls is answered RESOURCE_EXHAUSTED
// before its handler sees it, a message beyond max_message_bytes before it is read. The number of
// connections is bounded by the process's descriptors only: gRPC 1.51 has no limit of its own.
//
// Made, shut down and destroyed by its owner, one after the other, on threads that are none of its
// own.
class GrpcServer {
 public:
  // `observer` must outlive it; may be null. When it fails, executors that `methods` was given are
  // gone.
  static Result<std::unique_ptr<GrpcServer>> start(GrpcServerOptions options,
                                                   const MethodsMaker& methods,
                                                   GrpcObserver* observer = nullptr);
  ~GrpcServer();  // shuts down at once, if that has not been done
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Those that each thread has from now on, at the same paths in the same order. Calls that have
  // begun keep what they came to. Returns when every thread has them.
  void replace_methods(std::vector<std::vector<Method>> methods);

  // What is in the files of its TLS now; none where it has none. kInvalid for what cannot be read.
  [[nodiscard]] Result<std::optional<GrpcCertificates>> read_certificates() const;
  // For connections that come from now on; those that there are keep theirs.
  void replace_certificates(GrpcCertificates certificates);

  // Takes no more calls, waits so long for those in flight, cancels the rest, waits until each has
  // been answered and nobody stays at home here (Executor::Stay), and joins the threads.
  void shutdown(Duration grace);
  // Cuts short the grace of a shutdown() that is under way on another thread.
  void abort();

  [[nodiscard]] int port() const;                    // 0 for a Unix socket
  [[nodiscard]] const std::string& address() const;  // with the port that was bound
  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] std::size_t threads() const;
  Executor& executor(std::size_t thread);

 private:
  struct State;
  explicit GrpcServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::rpc
