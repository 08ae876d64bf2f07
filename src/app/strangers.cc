#include "app/strangers.h"

#include "http/address.h"

namespace sluice::app {

void warn_of_strangers(const Options& options, const access::Keys& keys, telemetry::Log& log) {
  if (options.access.required == true && keys.by_digest.empty()) {
    log.warn("access", "no_keys",
             {{"message",
               "a key is asked for and there is none, so nobody can call: make one with "
               "`sluice keys create`"}});
  }
  if (options.access.required || keys.required) return;
  for (const ListenerOptions& listener : options.listeners) {
    const auto address = http::parse_listen_address(listener.address);
    if (!address || address->is_loopback()) continue;
    log.warn("access", "open_to_strangers",
             {{"listener", listener.address},
              {"message",
               "whoever reaches this address may call, since there are no keys: make "
               "one with `sluice keys create`, or set access.required: false where that "
               "is meant"}});
  }
}

}  // namespace sluice::app
