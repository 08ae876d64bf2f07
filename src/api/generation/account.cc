#include "api/generation/account.h"

#include <algorithm>

#include "api/generation/service_class.h"

namespace sluice::api::generation {

void Account::tell_wait(const http::Exchange& exchange) {
  if (wait_told_ || times_.queued == TimePoint() || times_.started == TimePoint()) return;
  wait_told_ = true;
  if (!mount_.log.access_enabled()) return;
  const Duration waited = std::max(Duration::zero(), times_.started - times_.queued);
  mount_.log.info("generation", "slot_acquired",
                  {{"message", queue_wait_line(service_class_, waited)},
                   {"request_id", exchange.request_id},
                   {"callable", exchange.labels.callable},
                   {"class", to_string(service_class_)},
                   {"queue_ms", waited}});
}

void Account::note_part() {
  if (first_part_ == TimePoint()) first_part_ = mount_.clock.now();
}

GenerationTimings Account::timings(const http::Exchange& exchange,
                                   const EngineTimes& engine) const {
  return timings_of(exchange.timings.start(), mount_.clock.now(), times_, engine);
}

void Account::tell(const http::Exchange& exchange, const GenerationTimings& timings,
                   const Usage& usage) const {
  metrics().record(timings);
  tell_read(usage);
  if (!mount_.log.access_enabled()) return;
  mount_.log.info("generation", "time_to_first_token",
                  {{"message", first_token_line(timings)},
                   {"request_id", exchange.request_id},
                   {"callable", exchange.labels.callable},
                   {"class", to_string(service_class_)},
                   {"queue_ms", timings.queue},
                   {"load_ms", timings.load},
                   {"prompt_ms", timings.prompt},
                   {"decode_ms", timings.decode},
                   {"overhead_ms", timings.overhead},
                   {"total_ms", timings.total()},
                   {"prompt_tokens", usage.prompt_tokens},
                   {"completion_tokens", usage.completion_tokens}});
}

void Account::tell_read(const Usage& usage) const {
  metrics().record_tokens(usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens);
}

void Account::tell_broken(const http::Exchange& exchange) const {
  if (first_part_ == TimePoint()) return;
  metrics().to_first.record(std::max(Duration::zero(), first_part_ - exchange.timings.start()));
}

const telemetry::GenerationMetrics& Account::metrics() const {
  return mount_.instruments.generation()[static_cast<std::size_t>(service_class_)];
}

}  // namespace sluice::api::generation
