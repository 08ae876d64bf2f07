// Who may come to a handler: asked before it runs.
#pragma once

#include <atomic>

#include "base/result.h"
#include "inference/principal.h"

namespace sluice::http {

class Exchange;

// One mount on one io thread; on that thread only.
class Guard {
 public:
  // While `active` is false nobody is asked, which costs a look at it and nothing else. It must
  // outlive the guard.
  explicit Guard(const std::atomic<bool>& active) : active_(active) {}
  virtual ~Guard() = default;
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  Result<> admit(Exchange& exchange, Scope scope) {
    if (!active_.load(std::memory_order_relaxed)) [[likely]] {
      return {};
    }
    return do_admit(exchange, scope);
  }

 protected:
  // Sets exchange.principal and exchange.added_fields, or says why not: the server tells it in the
  // form of the protocol.
  virtual Result<> do_admit(Exchange& exchange, Scope scope) = 0;

 private:
  const std::atomic<bool>& active_;
};

}  // namespace sluice::http
