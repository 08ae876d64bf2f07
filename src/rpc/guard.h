// Who may come to a gRPC method: asked before its message is parsed.
#pragma once

#include <atomic>

#include "base/result.h"
#include "inference/principal.h"

namespace sluice::rpc {

class UnaryCall;

// One mount on one thread of a server; on that thread only. As http::Guard.
class Guard {
 public:
  explicit Guard(const std::atomic<bool>& active) : active_(active) {}
  virtual ~Guard() = default;
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  Result<> admit(UnaryCall& call, Scope scope) {
    if (!active_.load(std::memory_order_relaxed)) [[likely]] {
      return {};
    }
    return do_admit(call, scope);
  }

 protected:
  // Sets call.principal, or says why not.
  virtual Result<> do_admit(UnaryCall& call, Scope scope) = 0;

 private:
  const std::atomic<bool>& active_;
};

}  // namespace sluice::rpc
