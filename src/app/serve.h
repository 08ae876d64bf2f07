// `sluice serve` and `sluice worker`: run until they are told to stop.
#pragma once

#include <filesystem>
#include <optional>

namespace sluice::app {

// The exit status: 0 after an orderly end, 1 when it could not start.
//
// SIGTERM, SIGINT: readiness turns false, calls are taken for shutdown.drain_delay, listeners
// close, calls in flight finish within shutdown.drain_timeout. A second one ends at once. SIGHUP:
// the configuration is read again; when it is wrong everything stays as it was.
int serve(const std::optional<std::filesystem::path>& file);
// The same for a worker: it runs jobs, whatever jobs.consume says, and listens only where
// `served_by` says so.
int work(const std::filesystem::path& file);

}  // namespace sluice::app
