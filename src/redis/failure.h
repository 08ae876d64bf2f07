// What a command comes to: a reply, or why there is none and what may have happened all the same.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "redis/reply.h"

namespace sluice::redis {

// What is known about a command that has no reply.
enum class Fate : std::uint8_t {
  kNotSent,  // the server has not seen it: it did not happen, and may be sent again
  kUnknown,  // a part of it left this process: it may have happened, or may happen still
  kRefused,  // the server answered with an error. A script that the server stopped half-way has
             // done what it did before
};

struct Failure {
  Error error;  // kUnavailable, kTimeout, kExhausted, kCancelled; of refusals see refusal()
  Fate fate = Fate::kNotSent;
  std::string code;  // of kRefused: the first word of the server's error, "NOSCRIPT", "WRONGTYPE"
};

using Answer = std::expected<Reply, Failure>;

// The failure for an error that a server sent, without its "-". kUnavailable for what passes (it
// loads, it became a replica, it cannot write to its disk, it is out of memory) or is the
// operator's to mend (passwords, rights); kInternal for what is wrong with the command.
Failure refusal(std::string_view reply);

// For code that does not care about fates.
inline Result<Reply> to_result(Answer answer) {
  if (answer) return std::move(*answer);
  return fail(std::move(answer.error().error));
}

}  // namespace sluice::redis
