// Calls that are answered later: "Prefer: respond-async" (RFC 7240).
#pragma once

#include <optional>
#include <string_view>

#include "http/headers.h"
#include "http/request_parser.h"

namespace sluice::http {

class Exchange;

// Takes a call that its API has read and found sound, to do it when there is time. One io thread.
class Later {
 public:
  virtual ~Later() = default;
  // Answers the exchange, at once or soon: with where the result will be, or why it can't be taken.
  virtual void take(Exchange& exchange, std::string_view callable) = 0;
};

// The value of one preference of "respond-async, wait=10"; empty where it has none, none where it
// is not there.
std::optional<std::string_view> preference(const RequestHead& head, std::string_view name);
inline bool prefers_async(const RequestHead& head) {
  return preference(head, "respond-async").has_value();
}

}  // namespace sluice::http
