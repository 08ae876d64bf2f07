// Whether a request may go on: who is calling, may they, and not too often.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "access/address_buckets.h"
#include "access/digest.h"
#include "access/keyring.h"
#include "base/result.h"
#include "base/time.h"
#include "inference/principal.h"
#include "telemetry/request_metrics.h"

namespace sluice::access {

// What a caller shows, as its protocol has it.
struct Shown {
  std::string_view api_key;        // X-API-Key; empty: none
  std::string_view authorization;  // "Bearer ..."; other schemes are not for us

  [[nodiscard]] std::string_view key() const;
};

struct Question {
  Shown shown;
  std::string_view address;  // of the caller: an IP address, or "unix"
  Scope scope = Scope::kAny;
  TimePoint now{};
};

// A token bucket's state for the caller (RateLimit header fields for HTTP, an Internet-Draft of the
// HTTPAPI working group): whole header lines. Empty where nothing is limited.
using LimitFields = std::string;

// What an IPv4 address, or the first half of an IPv6 address, is counted under; nothing for one
// that is not limited: loopback, a Unix socket, what is no address.
std::optional<AddressKey> limited_address(std::string_view address);

// One mount on one thread; on that thread only.
class Admission {
 public:
  struct Rules {
    // The mount has a key of its own for administration, which its handlers ask for.
    bool own_key = false;
    std::shared_ptr<AddressBuckets> addresses;  // null: who comes without a key is not limited
  };
  Admission(const Keyring& ring, Rules rules, const Clock& clock,
            const telemetry::Instruments& instruments);

  // kUnauthenticated, kForbidden, or kExhausted with a time to come back. `principal` is null where
  // nobody was asked for a key and none that is known was shown.
  Result<> admit(const Question& question, PrincipalPtr& principal, LimitFields& limits);

 private:
  Result<> admit(const Key& key, const Question& question, PrincipalPtr& principal,
                 LimitFields& limits);
  Result<> admit_without(const Question& question, bool required, LimitFields& limits);
  Result<> take_from_address(const Question& question, LimitFields& limits) const;
  std::unexpected<Error> refuse(Error error) const;

  KeyView view_;
  Rules rules_;
  const Clock& clock_;
  telemetry::RefusalMetrics refusals_;
  KeyHasher hasher_;
};

}  // namespace sluice::access
