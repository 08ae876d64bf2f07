// What can be said of a mount of the horizontal services.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "config/describe.h"

namespace sluice::horizontal {

struct HorizontalOptions {
  // The test input: what /metadata shows and the test paths ask with.
  std::vector<std::vector<double>> sample = {{5.1, 3.5, 1.4, 0.2}};
  // Which output of the target is the prediction; empty: the only floating-point one.
  std::string output;
  Duration timeout = std::chrono::seconds(30);  // of a call whose client says nothing
};

// The same options under two names, since a mount's API decides its type.
struct ServiceOptions : HorizontalOptions {};
struct ProxyOptions : HorizontalOptions {};
void describe(config::Fields<ServiceOptions>& f);
void describe(config::Fields<ProxyOptions>& f);

}  // namespace sluice::horizontal
