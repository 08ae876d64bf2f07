// From addresses to one connected socket.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client/address.h"
#include "runtime/event_loop.h"

namespace sluice::http {

// Tries the addresses in turn, the families alternating: the next one when the last has failed, or
// has not answered within `delay` (Happy Eyeballs, RFC 8305 4 and 5). The first to connect wins,
// the others are closed. All on the loop's thread; destroying it gives up. It sets no time limit.
class Connector {
 public:
  // The descriptor is the callee's, non-blocking. kUnavailable with the address and the reason.
  // May be called from within start(). The connector may be destroyed in it.
  using Done = std::move_only_function<void(Result<int>)>;

  Connector(EventLoop& loop, Addresses addresses, Duration delay, Done done);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  void start() { try_next(); }

 private:
  struct Attempt;
  void try_next();
  bool try_one(const Address& address);
  void on_writable(Attempt& attempt);
  void note(const Address& address, int error);
  void finish(Result<int> result);

  EventLoop& loop_;
  Addresses addresses_;
  const Duration delay_;
  Done done_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  TimerId timer_ = 0;
  std::string errors_;
};

// The order of RFC 8305 4: as given, but the families take turns.
Addresses interleave(const Addresses& addresses);

}  // namespace sluice::http
