#include "telemetry/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>

namespace sluice::telemetry {

namespace {

std::string read_text(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// A field of /proc/self/stat, numbered as in proc(5). The second is the command's name in
// parentheses and may hold blanks and parentheses itself: counting starts after the last one.
double stat_field(int number) {
  const std::string stat = read_text("/proc/self/stat");
  const auto end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos) return 0;
  std::istringstream fields(stat.substr(end_of_name + 1));
  std::string field;
  for (int at = 2; at < number; ++at) fields >> field;
  double value = 0;
  std::from_chars(field.data(), field.data() + field.size(), value);
  return value;
}

double cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double start_time() {
  const std::string stat = read_text("/proc/stat");
  const auto at = stat.find("\nbtime ");
  if (at == std::string::npos) return 0;
  double boot = 0;
  std::from_chars(stat.data() + at + 7, stat.data() + stat.size(), boot);
  return boot + stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double open_descriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  double count = 0;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(folder);
  return count - 1;  // the folder itself
}

double max_descriptors() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

double resident_bytes() {
  return stat_field(24) * static_cast<double>(sysconf(_SC_PAGESIZE));
}
double virtual_bytes() {
  return stat_field(23);
}
double threads() {
  return stat_field(20);
}

struct ProcessMetric {
  MetricKind kind;
  const char* name;
  const char* help;
  double (*read)();
};

constexpr std::array kProcessMetrics = {
    ProcessMetric{MetricKind::kCounter, "process_cpu_seconds_total",
                  "User and system CPU time spent, in seconds.", cpu_seconds},
    ProcessMetric{MetricKind::kGauge, "process_resident_memory_bytes", "Resident memory, in bytes.",
                  resident_bytes},
    ProcessMetric{MetricKind::kGauge, "process_virtual_memory_bytes", "Virtual memory, in bytes.",
                  virtual_bytes},
    ProcessMetric{MetricKind::kGauge, "process_open_fds", "Open file descriptors.",
                  open_descriptors},
    ProcessMetric{MetricKind::kGauge, "process_max_fds", "The most file descriptors allowed.",
                  max_descriptors},
    ProcessMetric{MetricKind::kGauge, "process_threads", "Threads.", threads},
};

}  // namespace

ProcessMetrics::ProcessMetrics(Metrics& metrics, const BuildInfo& build) {
  for (const auto& metric : kProcessMetrics) {
    guards_.push_back(
        metrics.observe(metric.kind, {.name = metric.name, .help = metric.help}, {}, metric.read));
  }
  metrics
      .level({.name = "process_start_time_seconds",
              .help = "When the process started, in seconds since the Unix epoch."})
      .set(start_time());
  metrics
      .level({.name = "sluice_build_info",
              .help = "Always 1; the labels tell what was built.",
              .labels = {"version", "compiler", "build_type"}},
             {build.version, build.compiler, build.build_type})
      .set(1);
}

std::string compiler_name() {
#if defined(__clang__)
  return "clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__) + "." +
         std::to_string(__clang_patchlevel__);
#else
  return "gcc " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
         std::to_string(__GNUC_PATCHLEVEL__);
#endif
}

}  // namespace sluice::telemetry
