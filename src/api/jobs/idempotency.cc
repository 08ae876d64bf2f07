#include "api/jobs/idempotency.h"

#include "base/digest.h"
#include "base/format.h"

namespace sluice::api::jobs {

Result<std::string> idempotency_key(const http::RequestHead& head, std::size_t longest) {
  const auto value = head.header("Idempotency-Key");
  if (!value) return std::string();
  std::string_view key = http::trim(*value);
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
    key = key.substr(1, key.size() - 2);
  }
  if (key.empty() || key.size() > longest) {
    return fail(invalid(formatted("Idempotency-Key must have 1 to {} characters", longest)));
  }
  return std::string(key);
}

Result<> take_idempotency_key(const http::RequestHead& head, std::size_t longest,
                              std::string_view asked, sluice::jobs::NewJob& job) {
  auto key = idempotency_key(head, longest);
  if (!key) return fail(key.error());
  if (key->empty()) return {};
  job.idempotency_key = std::move(*key);
  const Sha256 digest = sha256(asked);
  job.digest.assign(digest.begin(), digest.end());
  return {};
}

}  // namespace sluice::api::jobs
