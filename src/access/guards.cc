#include "access/guards.h"

#include "http/exchange.h"
#include "rpc/peer.h"
#include "rpc/unary_call.h"

namespace sluice::access {

namespace {

constexpr std::atomic<bool> kAlways = true;

const std::atomic<bool>& active(const Keyring& ring, const Admission::Rules& rules) {
  return rules.addresses != nullptr ? kAlways : ring.active();
}

class HttpGuard final : public http::Guard {
 public:
  HttpGuard(const Keyring& ring, const Admission::Rules& rules, const Clock& clock,
            const telemetry::Instruments& instruments)
      : Guard(active(ring, rules)), admission_(ring, rules, clock, instruments) {}

 private:
  Result<> do_admit(http::Exchange& exchange, Scope scope) override {
    const http::RequestHead& head = exchange.head();
    const Question question{.shown = {.api_key = head.header("X-API-Key").value_or(""),
                                      .authorization = head.header("Authorization").value_or("")},
                            .address = exchange.peer(),
                            .scope = scope,
                            .now = exchange.loop().now()};
    return admission_.admit(question, exchange.principal, exchange.added_fields);
  }

  Admission admission_;
};

class RpcGuard final : public rpc::Guard {
 public:
  RpcGuard(const Keyring& ring, const Admission::Rules& rules, const Clock& clock,
           const telemetry::Instruments& instruments)
      : Guard(active(ring, rules)),
        limits_addresses_(rules.addresses != nullptr),
        admission_(ring, rules, clock, instruments) {}

 private:
  Result<> do_admit(rpc::UnaryCall& call, Scope scope) override {
    const std::string peer = limits_addresses_ ? call.peer() : std::string();
    const Question question{.shown = {.api_key = call.metadata("x-api-key"),
                                      .authorization = call.metadata("authorization")},
                            .address = rpc::address_of_peer(peer),
                            .scope = scope,
                            .now = call.home().now()};
    LimitFields limits;  // gRPC's clients are told when to come back, and look for nothing else
    return admission_.admit(question, call.principal, limits);
  }

  const bool limits_addresses_;
  Admission admission_;
};

}  // namespace

std::shared_ptr<http::Guard> make_http_guard(const Keyring& ring, Admission::Rules rules,
                                             const Clock& clock,
                                             const telemetry::Instruments& instruments) {
  return std::make_shared<HttpGuard>(ring, std::move(rules), clock, instruments);
}

std::shared_ptr<rpc::Guard> make_rpc_guard(const Keyring& ring, Admission::Rules rules,
                                           const Clock& clock,
                                           const telemetry::Instruments& instruments) {
  return std::make_shared<RpcGuard>(ring, std::move(rules), clock, instruments);
}

}  // namespace sluice::access
