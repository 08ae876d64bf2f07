#include "access/admission.h"

#include <algorithm>
#include <chrono>

#include "access/key_text.h"
#include "base/format.h"
#include "http/address.h"
#include "http/headers.h"

namespace sluice::access {

namespace {

std::int64_t whole_seconds(Duration time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

// One more limit of this request; a second one joins the first in its list.
struct LimitList {
  std::string policies;
  std::string states;

  void add(std::string_view name, std::uint64_t quota, Duration window, std::uint64_t left,
           Duration resets_in) {
    const std::string_view comma = policies.empty() ? "" : ", ";
    policies += formatted("{}\"{}\";q={};w={}", comma, name, quota,
                          std::max<std::int64_t>(1, whole_seconds(window)));
    states += formatted("{}\"{}\";r={};t={}", comma, name, left, whole_seconds(resets_in));
  }
  void add(const Rate& rate, const Taken& taken) {
    add("default", rate.count, rate.period, taken.left, taken.full_in);
  }
  void add(const Quota& quota, const QuotaCounter::Used& used, WallTime now) {
    add("quota", quota.count, end_of(used.period) - begin_of(used.period),
        quota.count - std::min(quota.count, used.count), end_of(used.period) - now);
  }
  [[nodiscard]] LimitFields fields() const {
    if (policies.empty()) return {};
    return formatted("RateLimit-Policy: {}\r\nRateLimit: {}\r\n", policies, states);
  }
};

Error over(std::string message, Duration retry_in) {
  return {ErrorCode::kExhausted, std::move(message),
          std::chrono::ceil<std::chrono::milliseconds>(retry_in)};
}

}  // namespace

std::string_view Shown::key() const {
  if (!api_key.empty()) return api_key;
  constexpr std::string_view kBearer = "Bearer ";
  if (authorization.size() <= kBearer.size() ||
      !http::iequals(authorization.substr(0, kBearer.size()), kBearer)) {
    return {};
  }
  return http::trim(authorization.substr(kBearer.size()));
}

std::optional<AddressKey> limited_address(std::string_view address) {
  const auto ip = http::parse_ip(address);
  if (!ip) return std::nullopt;
  const auto number = [&](std::size_t from, std::size_t to) {
    AddressKey key = 0;
    for (std::size_t i = from; i < to; ++i) key = key << 8 | (*ip)[i];
    return key;
  };
  const AddressKey network = number(0, 8);
  constexpr AddressKey kMapped = 0xFFFF;  // IPv4 within IPv6
  if (network != 0) return network;
  if (number(8, 12) == kMapped) {
    if ((*ip)[12] == 127) return std::nullopt;
    return kMapped << 32 | number(12, 16);
  }
  if (number(8, 16) == 1) return std::nullopt;  // ::1
  return network;
}

Admission::Admission(const Keyring& ring, Rules rules, const Clock& clock,
                     const telemetry::Instruments& instruments)
    : view_(ring), rules_(std::move(rules)), clock_(clock), refusals_(instruments.refusals()) {}

std::unexpected<Error> Admission::refuse(Error error) const {
  using telemetry::Refusal;
  refusals_.record(error.code == ErrorCode::kExhausted   ? Refusal::kRate
                   : error.code == ErrorCode::kForbidden ? Refusal::kForbidden
                                                         : Refusal::kUnauthenticated);
  return fail(std::move(error));
}

Result<> Admission::admit(const Question& question, PrincipalPtr& principal, LimitFields& limits) {
  const Keys& keys = view_.now();
  const std::string_view shown = question.shown.key();
  if (!shown.empty() && shown.size() <= kMaxKeyBytes && !keys.by_digest.empty()) {
    // Who tries to find a key by the time that this takes learns about digests only.
    const auto found = keys.by_digest.find(hasher_.of(shown));
    if (found != keys.by_digest.end()) return admit(found->second, question, principal, limits);
  }
  return admit_without(question, keys.required, limits);
}

Result<> Admission::admit(const Key& key, const Question& question, PrincipalPtr& principal,
                          LimitFields& limits) {
  using telemetry::KeyOutcome;
  const auto refuse_key = [&](std::string_view why) {
    if (auto ok = take_from_address(question, limits); !ok) return ok;
    return Result<>(refuse(
        {ErrorCode::kUnauthenticated, formatted("the key '{}' {}", key.principal.name, why)}));
  };
  if (key.revoked) return refuse_key("was revoked");
  if (key.expires && key.expired(clock_.wall())) return refuse_key("has expired");
  if (const auto allowed = check_scope(&key.principal, question.scope); !allowed) {
    key.metrics.record(KeyOutcome::kForbidden);
    return refuse(allowed.error());
  }
  if (key.rate || key.quota) {
    LimitList list;
    if (key.rate) {
      const Taken taken = key.use->bucket.take(*key.rate, question.now);
      list.add(*key.rate, taken);
      if (!taken.granted) {
        key.metrics.record(KeyOutcome::kRate);
        limits = list.fields();
        return refuse(over(
            formatted("the key '{}' has a rate of {}", key.principal.name, to_string(*key.rate)),
            taken.next_in));
      }
    }
    if (key.quota) {
      const WallTime now = clock_.wall();
      const QuotaCounter::Spent spent = key.use->quota.spend(*key.quota, now);
      list.add(*key.quota, spent.used, now);
      if (!spent.granted) {
        key.metrics.record(KeyOutcome::kQuota);
        limits = list.fields();
        return refuse(over(formatted("the key '{}' has used its quota of {}", key.principal.name,
                                     to_string(*key.quota)),
                           end_of(spent.used.period) - now));
      }
    }
    limits = list.fields();
  }
  key.metrics.record(KeyOutcome::kAdmitted);
  principal = view_.share(key);
  return {};
}

Result<> Admission::admit_without(const Question& question, bool required, LimitFields& limits) {
  if (auto ok = take_from_address(question, limits); !ok) return ok;
  if (rules_.own_key && question.scope == Scope::kAdmin) return {};
  const std::string_view shown = question.shown.key();
  if (shown.empty()) {
    if (!required) return {};
    return refuse({ErrorCode::kUnauthenticated,
                   "a key is asked for: send it in X-API-Key, or as Authorization: Bearer"});
  }
  // Where none is asked for, what a client sends by habit is no reason to refuse it; but one of
  // ours that is not good any more is.
  if (!required && !shown.starts_with(kKeyPrefix)) return {};
  return refuse({ErrorCode::kUnauthenticated, "the key is not known here"});
}

Result<> Admission::take_from_address(const Question& question, LimitFields& limits) const {
  if (rules_.addresses == nullptr) return {};
  const auto address = limited_address(question.address);
  if (!address) return {};
  const Rate& rate = rules_.addresses->rate();
  const Taken taken = rules_.addresses->take(*address, question.now);
  LimitList list;
  list.add(rate, taken);
  limits = list.fields();
  if (taken.granted) return {};
  return refuse(
      over(formatted("an address without a key has a rate of {}", to_string(rate)), taken.next_in));
}

}  // namespace sluice::access
