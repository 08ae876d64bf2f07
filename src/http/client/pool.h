// The connections to one origin and the requests that wait for one. Internal to the client.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "http/client/call.h"
#include "http/client/connection.h"
#include "http/client/opening.h"

namespace sluice::http {

// Owned by a Client, on the loop's thread.
class ClientPool final : public ClientConnection::Owner {
 public:
  ClientPool(EventLoop& loop, Resolver& resolver, const ClientOptions& options, Origin origin);
  ~ClientPool();
  ClientPool(const ClientPool&) = delete;
  ClientPool& operator=(const ClientPool&) = delete;

  void start(const ClientCallPtr& call);
  // Takes the call out, wherever it is; the caller finishes it.
  void drop(ClientCall& call);
  // Closes what has been idle for too long.
  void sweep();

  [[nodiscard]] const Origin& origin() const { return origin_; }
  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] bool empty() const {
    return connections_.empty() && openings_.empty() && waiting_.empty();
  }
  void count(Client::Counts& counts) const;

 private:
  void on_outcome(ClientConnection& connection, ClientConnection::Outcome outcome) override;
  void on_idle_end(ClientConnection& connection) override;

  void carry(ClientConnection& connection, const ClientCallPtr& call);
  void wait(const ClientCallPtr& call, bool first);
  void open_more();
  void on_opened(Opening* opening, Result<std::unique_ptr<ClientTransport>> result);
  void became_free(ClientConnection& connection);
  void retire(ClientConnection& connection);
  void on_deadline(ClientCall& call);
  void let_go(ClientCall& call);
  [[nodiscard]] Error named(Error error) const;

  EventLoop& loop_;
  Resolver& resolver_;
  const ClientOptions& options_;
  const Origin origin_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;  // idle and busy
  std::vector<ClientConnection*> idle_;                         // the one used last is at the end
  std::vector<std::shared_ptr<Opening>> openings_;
  std::deque<ClientCallPtr> waiting_;
};

}  // namespace sluice::http
