// The part of a server that lives on one io thread: its sockets, connections and spare buffers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "http/answer.h"
#include "http/server_observer.h"
#include "http/server_options.h"
#include "http/site.h"
#include "runtime/event_loop.h"

namespace sluice::http {

class Connection;

// Counts over all io threads, so that the bounds hold for the process.
struct SharedCounts {
  std::atomic<std::int64_t> connections = 0;
  std::atomic<std::int64_t> in_flight = 0;  // requests whose handler has returned without an answer
};

// A listening socket on one loop. The site is swapped whole; connections take the one that is there
// when a request begins.
struct Binding {
  int fd = -1;
  SitePtr site;
  bool is_unix = false;
};

// A connection's input: fixed size, so that views into it stay valid while a request is answered.
struct InputBuffer {
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;  // 64 more are readable
};

// Everything here belongs to the loop's thread.
class LoopServer {
 public:
  static constexpr std::size_t kStage = 64;  // connections of one stage of a turn

  LoopServer(EventLoop& loop, const ServerLimits& limits, const Clock& clock,
             ServerObserver& observer, SharedCounts& counts, std::uint64_t seed);
  ~LoopServer();
  LoopServer(const LoopServer&) = delete;
  LoopServer& operator=(const LoopServer&) = delete;

  // Takes the listening descriptor. The returned binding lives until unbind().
  Binding* bind(int fd, SitePtr site, bool is_unix);
  void unbind(Binding* binding);
  // Requests that begin from now on see this one.
  void set_site(Binding* binding, SitePtr site);
  // No new connections; idle ones are closed, others after their answer.
  void drain();
  // Drops every connection; handlers still running are told that their client has gone.
  void abort();
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

  // --- for connections
  EventLoop& loop() { return loop_; }
  const ServerLimits& limits() const { return limits_; }
  ServerObserver& observer() { return observer_; }
  SharedCounts& counts() { return counts_; }
  [[nodiscard]] bool draining() const { return draining_; }
  std::string_view date();  // up to 50 ms old: asking what time it is costs, too
  Random& random() { return random_; }
  [[nodiscard]] TimePoint precise_now() const { return clock_.now(); }
  InputBuffer take_buffer();
  void give_buffer(InputBuffer buffer);
  // A turn has three stages, each over many connections, so that the code of each is still in the
  // processor's cache for the next one: reading, handling, sending.
  // Whether a connection may still read before its turn to be handled; else it reads then.
  [[nodiscard]] bool may_read_ahead() const { return ready_.size() < kStage; }
  // Has it handle what it read. Once for a connection and stage.
  void handle_later(Connection& connection);
  // The same after the events of the next turn, for one that has had its share of this one.
  void handle_next_turn(Connection& connection);
  // Has it send what it has to.
  void send_later(Connection& connection);
  // Destroys it at the end of this turn.
  void remove(Connection& connection);
  // Runs the task at the end of this turn, unless this is gone by then.
  void defer(Task task);

 private:
  class Acceptor;

  void finish_turn_later();
  void finish_turn();
  void handle_some();
  void send_all();
  void accepted(int fd, const std::string& peer, Binding& binding);

  EventLoop& loop_;
  const ServerLimits limits_;
  const Clock& clock_;
  ServerObserver& observer_;
  SharedCounts& counts_;
  DateCache date_;
  TimePoint next_date_{};
  Random random_;  // for ids
  bool draining_ = false;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::unordered_set<Connection*> connections_;
  // Of this turn; finish_turn() is on its way while any of them is not empty.
  std::vector<Connection*> ready_;
  std::vector<Connection*> unsent_;
  std::vector<Connection*> removed_;
  bool turn_to_finish_ = false;
  std::vector<Connection*> resumed_;  // in the next turn
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<InputBuffer> spare_;
};

}  // namespace sluice::http
