// What the command line does with batches of a running server, and with copies of its jobs. Each
// returns the exit status: 0, or 1 with the reason on stderr.
#pragma once

#include <string>

#include "app/jobs_commands.h"

namespace sluice::app {

struct BatchRun {
  std::string file;      // JSON Lines; - for standard input
  std::string callable;  // of lines that name none
  std::string output;    // where outputs go; empty or -: standard output
  std::string errors;    // where the errors go; empty: FILE.errors when there are any
  bool quiet = false;    // no progress
};
// Hands the file in, shows how far it is until it has ended, and writes what came out of it. 1 also
// when a line failed.
int run_batch(const JobServer& server, const BatchRun& run);
int get_batch(const JobServer& server, const std::string& id);
int cancel_batch(const JobServer& server, const std::string& id);

// Writes a copy of all jobs to a new file, which is there only when it is whole.
int back_up(const JobServer& server, const std::string& file);
// Makes the server hold what the file holds, and nothing else.
int restore(const JobServer& server, const std::string& file);

}  // namespace sluice::app
