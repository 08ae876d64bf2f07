// One connection of the client: carries one request after the other. Internal to the client.
#pragma once

#include <memory>
#include <string_view>

#include "http/client/call.h"
#include "http/client/response_parser.h"
#include "http/client/transport.h"
#include "runtime/event_loop.h"

namespace sluice::http {

// Owned by a pool, on the loop's thread. After close() it does nothing more; it must live until the
// callback from which it was closed has returned.
class ClientConnection final : public IoHandler {
 public:
  struct Outcome {
    Result<ClientResponse> response;
    bool reusable = false;  // another request may follow
    bool heard = false;     // any byte of an answer came
    bool taken = false;     // the kernel took any byte of the request
  };
  // Told by the connection; each call is the last thing that it does in its turn.
  class Owner {
   public:
    virtual void on_outcome(ClientConnection& connection, Outcome outcome) = 0;
    // It ended, or something came, while nothing was asked.
    virtual void on_idle_end(ClientConnection& connection) = 0;

   protected:
    ~Owner() = default;
  };

  ClientConnection(EventLoop& loop, std::unique_ptr<ClientTransport> transport,
                   ResponseLimits limits, Owner& owner);
  ~ClientConnection() override;
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // Sends the call's request. False when the connection is broken: then read_rest() must be called
  // soon, since there may be an answer to what was sent.
  bool begin(ClientCallPtr call);
  void read_rest() { read_some(); }
  void close();
  [[nodiscard]] bool looks_alive() const { return transport_->looks_alive(); }
  [[nodiscard]] ClientCallPtr take_call() { return std::move(call_); }
  // What the request that it carries waits for.
  [[nodiscard]] std::string_view stage() const;

  TimePoint idle_since{};
  bool was_idle = false;  // before the request that it carries now

 private:
  void on_io(bool readable, bool writable) override;
  void write_some();
  void read_some();
  void finish(Result<ClientResponse> response);

  EventLoop& loop_;
  std::unique_ptr<ClientTransport> transport_;
  Owner& owner_;
  ResponseParser parser_;
  ClientCallPtr call_;
  std::size_t sent_ = 0;
  bool all_sent_ = false;
  bool write_failed_ = false;
  bool open_ = true;
};

}  // namespace sluice::http
