// Replays a load against policies, in simulated time: a day in some seconds.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduling/simulated_load.h"
#include "scheduling/slot_events.h"

namespace sluice::scheduling {

// Calls of one simulation under one policy; beyond, it is refused.
inline constexpr std::size_t kMaxSimulatedCalls = 5'000'000;

// What became of the calls of one load.
struct LoadResult {
  std::string load;
  ServiceClass service_class = ServiceClass::kRealtime;
  std::size_t calls = 0;
  std::size_t in_time = 0;
  std::array<std::size_t, kRefusalCount> refused{};
  std::vector<Duration> waits;  // of those that got a slot; ascending
  Duration served{};            // the time that they had slots

  [[nodiscard]] std::size_t all_refused() const;
  [[nodiscard]] Duration mean_wait() const;
  // The wait that such a part of the calls did not exceed; zero where none got a slot.
  [[nodiscard]] Duration wait_of(double part) const;
  // Of all calls that came.
  [[nodiscard]] double part_in_time() const;
};

struct PolicyResult {
  std::string policy;
  std::vector<LoadResult> loads;

  // All loads of a class as one; its name is empty.
  [[nodiscard]] LoadResult all_of(ServiceClass service_class) const;
};

// One policy under the loads of `options`.
Result<PolicyResult> simulate(const SimulationOptions& options, const std::string& policy,
                              const SlotOptions& slots);
// Every one, in the order of the file.
Result<std::vector<PolicyResult>> simulate_all(const SimulationOptions& options);

}  // namespace sluice::scheduling
