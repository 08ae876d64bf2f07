#include "services/horizontal/options.h"

#include "config/fields.h"

namespace sluice::horizontal {

namespace {
template <class T>
void describe_shared(config::Fields<T>& f) {
  const auto of = []<class M>(M HorizontalOptions::* member) {
    return static_cast<M T::*>(member);
  };
  f.field("sample", of(&HorizontalOptions::sample),
          "The rows that /metadata shows and the test paths ask with.");
  f.field("output", of(&HorizontalOptions::output),
          "The output of the target that is the prediction; empty: its only floating-point one.");
  f.field("timeout", of(&HorizontalOptions::timeout),
          "How long a call may take when its client sets no deadline.")
      .range(std::chrono::milliseconds(1), std::chrono::hours(1));
}
}  // namespace

void describe(config::Fields<ServiceOptions>& f) {
  f.about("horizontal_service",
          "One model as a service: /health, /metadata, /predict, /predict/test.");
  describe_shared(f);
}

void describe(config::Fields<ProxyOptions>& f) {
  f.about("horizontal_proxy", "An ensemble as the proxy of the horizontal pattern.");
  describe_shared(f);
}

}  // namespace sluice::horizontal
