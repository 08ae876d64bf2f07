// Whose a request is, and what it may see.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/format.h"
#include "http/exchange.h"

namespace sluice::api::jobs {

// The one place where it is decided to whom what a request makes belongs: to its key. Empty: to
// nobody in particular, as where there are no keys.
inline std::string owner_of(const http::Exchange& exchange) {
  return exchange.principal != nullptr ? exchange.principal->key_id : std::string();
}

// Who takes turns with others.
inline std::string tenant_of(const http::Exchange& exchange) {
  return std::string(tenant_for(exchange.principal.get(), exchange.peer()));
}

// Ids may be guessed or told on: what belongs to a key is seen by that key, and by who administers.
inline bool may_see(const http::Exchange& exchange, std::string_view owner) {
  const Principal* principal = exchange.principal.get();
  return principal == nullptr || principal->scopes.admin || principal->key_id == owner;
}

// Only this owner's things are listed; none: everybody's.
inline std::optional<std::string> listed_owner(const http::Exchange& exchange) {
  const Principal* principal = exchange.principal.get();
  if (principal != nullptr && principal->scopes.admin) return std::nullopt;
  return owner_of(exchange);
}

// What is said of a job that is not there, and of one that is somebody else's.
inline Error no_such_job(std::string_view id) {
  return not_found(formatted("there is no job {}", id));
}

}  // namespace sluice::api::jobs
