#include "http/client/pool.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace sluice::http {

ClientPool::ClientPool(EventLoop& loop, Resolver& resolver, const ClientOptions& options,
                       Origin origin)
    : loop_(loop), resolver_(resolver), options_(options), origin_(std::move(origin)) {}

ClientPool::~ClientPool() {
  openings_.clear();
  std::vector<ClientCallPtr> calls(waiting_.begin(), waiting_.end());
  for (auto& connection : connections_) {
    connection->close();
    if (auto call = connection->take_call()) calls.push_back(std::move(call));
  }
  for (const ClientCallPtr& call : calls) {
    let_go(*call);
    call->finish(fail(cancelled("the client was shut down")));
  }
}

Error ClientPool::named(Error error) const {
  error.message = formatted("{}: {}", to_string(origin_), error.message);
  return error;
}

// The pool has nothing more to do with the call.
void ClientPool::let_go(ClientCall& call) {
  loop_.cancel(std::exchange(call.timer, 0));
  call.pool = nullptr;
  call.connection = nullptr;
}

void ClientPool::start(const ClientCallPtr& call) {
  const Deadline deadline = call->request.deadline;
  if (!deadline.is_never()) {
    call->timer = loop_.run_at(deadline.at(), [this, held = call] { on_deadline(*held); });
  }
  const bool repeatable = is_idempotent(call->request.method) || call->request.safe_to_repeat;
  while (!idle_.empty()) {
    ClientConnection& connection = *idle_.back();
    idle_.pop_back();
    // What must not be repeated is worth a look whether the peer has hung up meanwhile.
    if (!repeatable && !connection.looks_alive()) {
      retire(connection);
      continue;
    }
    connection.was_idle = true;
    carry(connection, call);
    return;
  }
  wait(call, false);
}

void ClientPool::carry(ClientConnection& connection, const ClientCallPtr& call) {
  call->connection = &connection;
  if (!connection.begin(call)) {
    loop_.defer([call] {
      if (call->connection != nullptr) call->connection->read_rest();
    });
  }
}

void ClientPool::wait(const ClientCallPtr& call, bool first) {
  if (!first && waiting_.size() >= options_.max_waiting) {
    let_go(*call);
    loop_.defer([this_name = to_string(origin_), call] {
      call->finish(
          fail(ErrorCode::kExhausted, this_name + ": too many requests wait for a connection"));
    });
    return;
  }
  if (first) {
    waiting_.push_front(call);
  } else {
    waiting_.push_back(call);
  }
  open_more();
}

void ClientPool::open_more() {
  while (openings_.size() < waiting_.size() &&
         connections_.size() + openings_.size() < options_.max_connections) {
    // Started from the loop, so that nobody is answered from within start().
    auto opening = std::make_shared<Opening>(loop_, resolver_, origin_);
    opening->on_done([this, raw = opening.get()](Result<std::unique_ptr<ClientTransport>> result) {
      on_opened(raw, std::move(result));
    });
    openings_.push_back(opening);
    loop_.defer([held = std::weak_ptr(opening), limit = options_.connect_timeout,
                 delay = options_.attempt_delay] {
      if (const auto alive = held.lock()) alive->start(limit, delay);
    });
  }
}

void ClientPool::on_opened(Opening* opening, Result<std::unique_ptr<ClientTransport>> result) {
  std::erase_if(openings_, [&](const auto& other) { return other.get() == opening; });
  if (result) {
    connections_.push_back(
        std::make_unique<ClientConnection>(loop_, std::move(*result), options_.limits, *this));
    became_free(*connections_.back());
    return;
  }
  if (waiting_.empty()) return;
  // The request that has waited longest learns of it; the others have attempts of their own.
  const ClientCallPtr call = std::move(waiting_.front());
  waiting_.pop_front();
  let_go(*call);
  open_more();
  call->finish(fail(named(result.error())));
}

void ClientPool::became_free(ClientConnection& connection) {
  connection.was_idle = false;
  if (!waiting_.empty()) {
    const ClientCallPtr call = std::move(waiting_.front());
    waiting_.pop_front();
    carry(connection, call);
    return;
  }
  if (idle_.size() >= options_.max_idle) return retire(connection);
  connection.idle_since = loop_.now();
  idle_.push_back(&connection);
}

void ClientPool::on_outcome(ClientConnection& connection, ClientConnection::Outcome outcome) {
  const ClientCallPtr call = connection.take_call();
  call->connection = nullptr;
  const bool stale = !outcome.response &&
                     outcome.response.error().code == ErrorCode::kUnavailable &&
                     connection.was_idle && !outcome.heard;
  if (stale && !call->repeated &&
      (!outcome.taken || is_idempotent(call->request.method) || call->request.safe_to_repeat)) {
    call->repeated = true;
    retire(connection);
    wait(call, true);
    return;
  }
  let_go(*call);
  if (outcome.reusable) {
    became_free(connection);
  } else {
    retire(connection);
    open_more();
  }
  if (outcome.response) {
    call->finish(std::move(outcome.response));
  } else {
    call->finish(fail(named(std::move(outcome.response.error()))));
  }
}

void ClientPool::on_idle_end(ClientConnection& connection) {
  std::erase(idle_, &connection);
  retire(connection);
}

// Closed now, destroyed when nothing of it is on the stack any more.
void ClientPool::retire(ClientConnection& connection) {
  connection.close();
  const auto it =
      std::ranges::find(connections_, &connection, &std::unique_ptr<ClientConnection>::get);
  loop_.defer([dead = std::move(*it)] {});
  connections_.erase(it);
}

void ClientPool::drop(ClientCall& call) {
  if (ClientConnection* connection = call.connection) {
    connection->take_call().reset();
    retire(*connection);
    open_more();
  } else {
    std::erase_if(waiting_, [&](const ClientCallPtr& other) { return other.get() == &call; });
  }
  let_go(call);
}

void ClientPool::on_deadline(ClientCall& call) {
  call.timer = 0;
  std::string_view stage = "waiting for a free connection";
  if (call.connection != nullptr) {
    stage = call.connection->stage();
  } else if (!openings_.empty()) {
    stage = openings_.front()->stage();
  }
  Error error = named(timed_out(formatted("the deadline passed while {}", stage)));
  const ClientCallPtr held = call.shared_from_this();
  drop(call);
  call.finish(fail(std::move(error)));
}

void ClientPool::sweep() {
  const TimePoint now = loop_.now();
  while (!idle_.empty() && now - idle_.front()->idle_since >= options_.idle_limit) {
    ClientConnection& connection = *idle_.front();
    idle_.erase(idle_.begin());
    retire(connection);
  }
}

void ClientPool::count(Client::Counts& counts) const {
  counts.idle += idle_.size();
  counts.busy += connections_.size() - idle_.size();
  counts.opening += openings_.size();
  counts.waiting += waiting_.size();
}

}  // namespace sluice::http
