// What the command line does with jobs of a running server. Each returns the exit status: 0, or 1
// with the reason on stderr; a job that did not complete is a reason.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sluice::app {

struct JobServer {
  std::string url = "http://127.0.0.1:8080";
  std::string key;
};

struct JobSubmission {
  std::string callable;
  std::string input;     // JSON, @FILE, or - for standard input
  std::string priority;  // empty, as the others: not said
  std::string run_at;
  std::string deadline;
  std::string metadata;  // JSON
  std::string webhook;
  std::string idempotency_key;
  bool wait = false;  // for the end; then the result is printed
};
// Prints the id.
int submit_job(const JobServer& server, const JobSubmission& submission);

// Prints the job as JSON, or only its result.
int get_job(const JobServer& server, const std::string& id, bool only_result);

// Waits for the end, at most `timeout` (such as 10m), and prints the result.
int wait_for_job(const JobServer& server, const std::string& id, const std::string& timeout);

struct JobFilter {
  std::string status;
  std::string callable;
  std::size_t limit = 20;
  std::string after;
  bool as_json = false;
};
int list_jobs(const JobServer& server, const JobFilter& filter);

int cancel_jobs(const JobServer& server, const std::vector<std::string>& ids);
// As new jobs, whose ids are printed.
int retry_jobs(const JobServer& server, const std::vector<std::string>& ids);

}  // namespace sluice::app
