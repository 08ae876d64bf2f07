// One request of the client on its way. Internal to the client.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "http/client/client.h"

namespace sluice::http {

class ClientConnection;

// Shared by the pool, the connection that carries it and the caller's cancel handle; used on the
// loop's thread. It is done when `done` is empty.
struct ClientCall final : Cancellable, std::enable_shared_from_this<ClientCall> {
  void cancel() override;
  // Hands out the result, unless that has happened.
  void finish(Result<ClientResponse> result) {
    if (!done) return;
    auto callback = std::exchange(done, nullptr);
    callback(std::move(result));
  }

  ClientPool* pool = nullptr;  // null once the pool has let go of it
  ClientRequest request;
  std::string head;  // as it is sent
  Client::Done done;
  TimerId timer = 0;
  ClientConnection* connection = nullptr;  // that carries it now
  bool repeated = false;                   // it has been sent again once
};

using ClientCallPtr = std::shared_ptr<ClientCall>;

// The request line and header fields, up to and with the empty line. kInvalid when something in it
// cannot be written.
Result<std::string> write_head(const ClientRequest& request, const std::string& authority);
// RFC 9110 9.2.2
bool is_idempotent(Method method);

}  // namespace sluice::http
