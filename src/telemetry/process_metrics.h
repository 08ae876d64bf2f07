// What the operating system says about this process, under the names that Prometheus' own clients
// use (process_cpu_seconds_total, process_resident_memory_bytes, ...), and what was built.
#pragma once

#include <string>
#include <vector>

#include "telemetry/metrics.h"

namespace sluice::telemetry {

// What sluice_build_info tells.
struct BuildInfo {
  std::string version;
  std::string compiler{};
  std::string build_type{};
};

// Registers the process' metrics, read from /proc at each scrape, for as long as it lives. Owned
// by app/. Where /proc is not readable a number reads 0.
class ProcessMetrics {
 public:
  ProcessMetrics(Metrics& metrics, const BuildInfo& build);

 private:
  std::vector<CallbackGuard> guards_;
};

// What `version` prints and build info shows: the compiler's name and version.
std::string compiler_name();

}  // namespace sluice::telemetry
