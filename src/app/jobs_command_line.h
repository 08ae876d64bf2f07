// The commands about jobs, as the command line has them.
#pragma once

#include <memory>

namespace CLI {
class App;
}  // namespace CLI

namespace sluice::app {

// Adds `sluice jobs ..`; what runs writes its exit status to `status`, which stays until all has
// been parsed.
void add_jobs_commands(CLI::App& app, int& status);
// The same of `sluice batch ..`, and of `sluice backup` and `sluice restore`.
void add_batch_commands(CLI::App& app, int& status);
void add_backup_commands(CLI::App& app, int& status);

}  // namespace sluice::app
