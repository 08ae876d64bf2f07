#include "inference/principal.h"

#include <algorithm>

#include "base/format.h"

namespace sluice {

namespace {
std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::kCall:
      return "callables";
    case Scope::kJobs:
      return "jobs";
    case Scope::kWork:
      return "work";
    case Scope::kAdmin:
      return "admin";
    case Scope::kOpen:
    case Scope::kAny:
      break;
  }
  return "any";
}

std::unexpected<Error> missing(const Principal& principal, std::string_view scope) {
  return fail(ErrorCode::kForbidden,
              formatted("this needs the scope {}, which the key '{}' does not have", scope,
                        principal.name));
}
}  // namespace

bool Scopes::may_call(std::string_view callable) const {
  return std::ranges::any_of(callables, [&](std::string_view allowed) {
    if (!allowed.ends_with('*')) return allowed == callable;
    allowed.remove_suffix(1);
    return callable.starts_with(allowed);
  });
}

bool Scopes::allow(Scope scope) const {
  switch (scope) {
    case Scope::kOpen:
    case Scope::kAny:
      return true;
    case Scope::kCall:
      return !callables.empty();
    case Scope::kJobs:
      return jobs;
    case Scope::kWork:
      return work;
    case Scope::kAdmin:
      return admin;
  }
  return false;
}

Result<> check_scope(const Principal* principal, Scope scope) {
  if (principal == nullptr || principal->scopes.allow(scope)) return {};
  return missing(*principal, to_string(scope));
}

Result<> check_callable(const Principal* principal, std::string_view callable) {
  if (principal == nullptr || principal->scopes.may_call(callable)) return {};
  // Names come from callers: shown as far as they can be a name.
  return missing(*principal, formatted("callables={}", callable.substr(0, 100)));
}

}  // namespace sluice
