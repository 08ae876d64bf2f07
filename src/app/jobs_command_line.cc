#include "app/jobs_command_line.h"

#include <CLI/CLI.hpp>

#include "app/batch_commands.h"
#include "app/jobs_commands.h"

namespace sluice::app {

namespace {

// What the options write to; kept by the callbacks.
struct Given {
  JobServer server;
  JobSubmission submission;
  JobFilter filter;
  std::vector<std::string> ids;
  std::string timeout = "1h";
  bool only_result = false;
  BatchRun batch;
  std::string file;
};
using GivenPtr = std::shared_ptr<Given>;

void add_server(CLI::App& command, const GivenPtr& given) {
  command.add_option("--url", given->server.url, "The server to ask")->capture_default_str();
  command.add_option("--key", given->server.key, "The API key")->envname("SLUICE_API_KEY");
}

CLI::App& add(CLI::App& parent, const GivenPtr& given, const char* name, const char* about,
              const char* example, const std::function<int()>& run, int& status) {
  CLI::App* command = parent.add_subcommand(name, about);
  add_server(*command, given);
  command->footer(std::string("Example:\n  ") + example);
  command->callback([run, &status] { status = run(); });
  return *command;
}

}  // namespace

void add_jobs_commands(CLI::App& app, int& status) {
  const auto given = std::make_shared<Given>();
  const JobServer& server = given->server;
  auto* jobs = app.add_subcommand("jobs", "Hand calls in, ask after them, cancel them");
  jobs->require_subcommand(1);
  jobs->footer(
      "Examples:\n"
      "  sluice jobs submit wordcount '{\"text\": \"to be or not to be\"}'\n"
      "  sluice jobs list --status failed");

  CLI::App& submit = add(
      *jobs, given, "submit", "Hand a call in, and print the job's id",
      "sluice jobs submit wordcount @input.json --wait",
      [given, &server] { return submit_job(server, given->submission); }, status);
  JobSubmission& s = given->submission;
  submit.add_option("callable", s.callable, "What is called")->required();
  submit.add_option("input", s.input, "Its input: JSON, @FILE, or - for standard input")
      ->required();
  submit.add_option("--priority", s.priority, "high, normal or low");
  submit.add_option("--run-at", s.run_at, "Not before: a time, or how long from now (10m)");
  submit.add_option("--deadline", s.deadline, "Worthless after: a time, or how long from now");
  submit.add_option("--metadata", s.metadata, "A JSON object that stays with the job");
  submit.add_option("--webhook", s.webhook, "A URL that is told of the end");
  submit.add_option("--idempotency-key", s.idempotency_key, "Handed in once, however often sent");
  submit.add_flag("--wait", s.wait, "Wait for the end, and print the result");

  CLI::App& get = add(
      *jobs, given, "get", "Print a job as JSON",
      "sluice jobs get 019ab0c4-9d1e-7c3a-8f1b-2f6f3f6f3a11",
      [given, &server] { return get_job(server, given->ids.front(), given->only_result); }, status);
  get.add_option("id", given->ids, "The job")->required()->expected(1);
  get.add_flag("--result", given->only_result, "Only its result; 1 unless it is completed");

  CLI::App& wait = add(
      *jobs, given, "wait", "Wait for a job's end, and print its result",
      "sluice jobs wait 019ab0c4-9d1e-7c3a-8f1b-2f6f3f6f3a11 --timeout 10m",
      [given, &server] { return wait_for_job(server, given->ids.front(), given->timeout); },
      status);
  wait.add_option("id", given->ids, "The job")->required()->expected(1);
  wait.add_option("--timeout", given->timeout, "How long at most")->capture_default_str();

  CLI::App& list = add(
      *jobs, given, "list", "List jobs, the newest first", "sluice jobs list --status failed",
      [given, &server] { return list_jobs(server, given->filter); }, status);
  JobFilter& f = given->filter;
  list.add_option("--status", f.status, "pending, processing, completed, failed or cancelled");
  list.add_option("--callable", f.callable, "Only those of one callable");
  list.add_option("--limit", f.limit, "How many at most")->capture_default_str();
  list.add_option("--after", f.after, "The id at which the last page ended");
  list.add_flag("--json", f.as_json, "Print the answer as it came");

  CLI::App& cancel = add(
      *jobs, given, "cancel",
      "Cancel jobs: those that wait never start, those that run are stopped",
      "sluice jobs cancel 019ab0c4-9d1e-7c3a-8f1b-2f6f3f6f3a11",
      [given, &server] { return cancel_jobs(server, given->ids); }, status);
  cancel.add_option("ids", given->ids, "The jobs")->required();

  CLI::App& retry = add(
      *jobs, given, "retry", "Try failed jobs once more, as new jobs whose ids are printed",
      "sluice jobs retry 019ab0c4-9d1e-7c3a-8f1b-2f6f3f6f3a11",
      [given, &server] { return retry_jobs(server, given->ids); }, status);
  retry.add_option("ids", given->ids, "The failed jobs")->required();
}

void add_batch_commands(CLI::App& app, int& status) {
  const auto given = std::make_shared<Given>();
  const JobServer& server = given->server;
  auto* batch = app.add_subcommand("batch", "Hand many calls in as one file");
  batch->require_subcommand(1);
  batch->footer("Example:\n  sluice batch run calls.jsonl --callable wordcount --output out.jsonl");

  CLI::App& run = add(
      *batch, given, "run", "Run the lines of a file, and write what comes out of them",
      "sluice batch run calls.jsonl --callable wordcount --output out.jsonl",
      [given, &server] { return run_batch(server, given->batch); }, status);
  BatchRun& b = given->batch;
  run.add_option("file", b.file, "JSON Lines, each {\"input\": ..}; - for standard input")
      ->required();
  run.add_option("--callable", b.callable, "What is called, where a line names nothing");
  run.add_option("--output", b.output, "Where the outputs go, instead of standard output");
  run.add_option("--errors", b.errors, "Where the errors go, instead of FILE.errors");
  run.add_flag("--quiet", b.quiet, "Without the progress");

  CLI::App& get = add(
      *batch, given, "get", "Print a batch, with its counts, as JSON",
      "sluice batch get 019ab0c4-9d1e-7c3a-8f1b-2f6f3f6f3a11",
      [given, &server] { return get_batch(server, given->file); }, status);
  get.add_option("id", given->file, "The batch")->required();

  CLI::App& cancel = add(
      *batch, given, "cancel", "Stop what has not ended of a batch",
      "sluice batch cancel 019ab0c4-9d1e-7c3a-8f1b-2f6f3f6f3a11",
      [given, &server] { return cancel_batch(server, given->file); }, status);
  cancel.add_option("id", given->file, "The batch")->required();
}

void add_backup_commands(CLI::App& app, int& status) {
  const auto given = std::make_shared<Given>();
  const JobServer& server = given->server;
  CLI::App& backup = add(
      app, given, "backup", "Copy all jobs of a running server into a file",
      "sluice backup jobs-monday.db", [given, &server] { return back_up(server, given->file); },
      status);
  backup.add_option("file", given->file, "The file, which must not be there yet")->required();
  CLI::App& taken_back = add(
      app, given, "restore", "Make a running server hold the jobs of a backup, and no others",
      "sluice restore jobs-monday.db", [given, &server] { return restore(server, given->file); },
      status);
  taken_back.add_option("file", given->file, "A file of sluice backup")
      ->required()
      ->check(CLI::ExistingFile);
}

}  // namespace sluice::app
