#include "api/admin/key_check.h"

#include "base/same_secret.h"

namespace sluice::admin {

bool shows_key(http::Exchange& exchange, const std::string& key) {
  if (key.empty()) return true;
  const auto given = exchange.head().header("X-API-Key");
  if (given && same_secret(*given, key)) return true;
  // A key of the gateway that may administer does as well.
  if (exchange.principal != nullptr && exchange.principal->scopes.admin) return true;
  http::respond_problem(exchange, {ErrorCode::kUnauthenticated,
                                   given ? "the key in X-API-Key is not the right one"
                                         : "administration asks for a key in X-API-Key"});
  return false;
}

}  // namespace sluice::admin
