// Who is calling, and what they may do. Found out once a request, before its body is decoded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/callable.h"

namespace sluice {

// What a route or method demands of its caller.
enum class Scope : std::uint8_t {
  kOpen,   // nothing: not even that the caller is known
  kAny,    // a key that is known
  kCall,   // to call a callable; which one is checked when it is known: check_callable()
  kJobs,   // to submit jobs, and to see and cancel one's own
  kWork,   // to take leases on jobs and answer them
  kAdmin,  // to administer the process
};

// What a key allows.
struct Scopes {
  // Names of callables, or beginnings of names with '*' at their end; "*" is every one.
  std::vector<std::string> callables;
  bool jobs = false;
  bool work = false;
  bool admin = false;

  [[nodiscard]] bool may_call(std::string_view callable) const;
  [[nodiscard]] bool allow(Scope scope) const;
  bool operator==(const Scopes&) const = default;
};

// A caller with a key that is known. Immutable; shared by the requests that came with the key.
struct Principal {
  std::string key_id;  // public, unique and the same for the key's life: owns jobs, stands in logs
  std::string name;    // as given when the key was made
  std::string tenant;
  Scopes scopes;
  ServiceClass ceiling = ServiceClass::kRealtime;  // the best class that its calls may have
};

// Null: nobody was asked for a key, and none was shown.
using PrincipalPtr = std::shared_ptr<const Principal>;

// kForbidden, with the scope that is missing, where there is a principal that may not. Who came
// without one has been let in on purpose, and may.
Result<> check_scope(const Principal* principal, Scope scope);
Result<> check_callable(const Principal* principal, std::string_view callable);

// What its calls are: of the wanted class or below, and of its tenant. Who comes without a key may
// have any class, and is who the edge knows it by: its address.
inline ServiceClass class_for(const Principal* principal, ServiceClass wanted) {
  const bool low = principal != nullptr && principal->ceiling == ServiceClass::kBestEffort;
  return low ? ServiceClass::kBestEffort : wanted;
}
inline std::string_view tenant_for(const Principal* principal, std::string_view address) {
  return principal != nullptr ? std::string_view(principal->tenant) : address;
}

}  // namespace sluice
