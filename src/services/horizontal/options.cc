#include "services/horizontal/options.h"

#include "config/fields.h"

namespace sluice::horizontal {

void describe(config::Fields<HorizontalOptions>& f) {
  f.about("horizontal", "The services of the horizontal pattern: /predict and its companions.");
  f.field("sample", &HorizontalOptions::sample,
          "The rows that /metadata shows and the test paths ask with.");
  f.field("output", &HorizontalOptions::output,
          "The output of the target that is the prediction; empty: its only floating-point one.");
  f.field("timeout", &HorizontalOptions::timeout,
          "How long a call may take when its client sets no deadline.")
      .range(std::chrono::milliseconds(1), std::chrono::hours(1));
}

}  // namespace sluice::horizontal
