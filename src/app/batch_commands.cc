#include "app/batch_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <print>
#include <thread>

#include "app/file_body.h"
#include "app/on_interrupt.h"
#include "app/progress_bar.h"
#include "app/remote.h"
#include "base/format.h"
#include "http/json/reader.h"
#include "sqlite/backup.h"

namespace sluice::app {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds kLookEvery{250};
constexpr std::chrono::hours kLongestTransfer{6};

int give_up(std::string_view command, const std::string& why) {
  std::println(stderr, "sluice {}: {}", command, why);
  return 1;
}

bool is_id(const std::string& id) {
  return !id.empty() && id.find_first_not_of("0123456789abcdefABCDEF-") == std::string::npos;
}

Result<http::ClientResponse> ask_server(const JobServer& server, Question question) {
  const auto url = http::parse_url(server.url);
  if (!url) return fail(url.error());
  question.key = server.key;
  return ask(*url, std::move(question));
}

// A batch as the server tells of it.
struct BatchSeen {
  std::string id;
  std::string status;
  std::string error;
  std::uint64_t lines = 0, completed = 0, failed = 0, cancelled = 0;
  [[nodiscard]] bool ended() const {
    return status == "completed" || status == "failed" || status == "cancelled";
  }
};
Result<BatchSeen> read_batch(const Result<http::ClientResponse>& answer) {
  if (!answer) return fail(answer.error());
  json::Reader reader;
  const auto root = reader.parse_copy(answer->body);
  if (!root) return fail(root.error());
  const auto text = [&](const char* key) {
    std::string_view value;
    return (*root)[key].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
  };
  const auto count = [&](const char* key) {
    std::uint64_t value = 0;
    return (*root)["counts"][key].get(value) == simdjson::SUCCESS ? value : 0;
  };
  BatchSeen seen{.id = text("id"), .status = text("status"), .error = text("error")};
  if ((*root)["lines"].get(seen.lines) != simdjson::SUCCESS || seen.id.empty()) {
    return fail(unavailable("the answer is no batch"));
  }
  seen.completed = count("completed");
  seen.failed = count("failed");
  seen.cancelled = count("cancelled");
  return seen;
}

// Writes the answer to `path` to a stream as it comes.
Result<> copy_to(const JobServer& server, const std::string& path, std::ostream& to) {
  const auto answer = ask_server(
      server, {.path = path, .limit = kLongestTransfer, .on_body = [&](std::string_view part) {
                 to << part;
                 return to.good();
               }});
  if (!answer) return fail(answer.error());
  to.flush();
  if (!to.good()) return fail(unavailable("not everything could be written"));
  return {};
}
Result<> copy_to_file(const JobServer& server, const std::string& path, const std::string& file) {
  if (file.empty() || file == "-") return copy_to(server, path, std::cout);
  std::ofstream to(file, std::ios::binary | std::ios::trunc);
  if (!to) return fail(invalid("cannot write " + file));
  return copy_to(server, path, to);
}

// Until it has ended. On a terminal the line is written over, elsewhere it appears once at the end.
Result<BatchSeen> watch(const JobServer& server, const std::string& id, bool quiet) {
  const SystemClock clock;
  const TimePoint began = clock.now();
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  while (true) {
    auto seen = read_batch(ask_server(server, {.path = "/v1/jobs/batches/" + id}));
    if (!seen) {
      // A server that starts again goes on with it.
      if (seen.error().code != ErrorCode::kUnavailable) return seen;
      if (!quiet) std::print(stderr, "{}{}\n", terminal ? "\r\x1b[K" : "", seen.error().message);
      std::this_thread::sleep_for(std::chrono::seconds(1));
      continue;
    }
    if (!quiet && (terminal || seen->ended())) {
      const std::string line =
          progress_line({seen->completed + seen->failed + seen->cancelled, seen->lines,
                         seen->failed + seen->cancelled, clock.now() - began});
      std::print(stderr, "{}{}{}", terminal ? "\r\x1b[K" : "", line, seen->ended() ? "\n" : "");
    }
    if (seen->ended()) return seen;
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace

int run_batch(const JobServer& server, const BatchRun& run) {
  auto body = file_body(run.file);
  if (!body) return give_up("batch run", body.error().message);
  if ((*body)->size == 0) return give_up("batch run", run.file + " is empty");
  std::string path = "/v1/jobs/batches";
  if (!run.callable.empty()) path += "?callable=" + run.callable;
  const auto accepted = read_batch(ask_server(server, {.method = http::Method::kPost,
                                                       .path = path,
                                                       .body_source = std::move(*body),
                                                       .content_type = "application/jsonl",
                                                       .limit = kLongestTransfer}));
  if (!accepted) return give_up("batch run", accepted.error().message);
  if (!run.quiet) std::println(stderr, "batch {}: {} lines", accepted->id, accepted->lines);
  const auto end = [&] {
    const OnInterrupt interrupted(formatted(
        "batch {0} goes on at the server: `sluice batch get {0}` says how far it is, `sluice batch "
        "cancel {0}` stops it",
        accepted->id));
    return watch(server, accepted->id, run.quiet);
  }();
  if (!end) return give_up("batch run", end.error().message);
  const std::string at = "/v1/jobs/batches/" + end->id;
  if (auto ok = copy_to_file(server, at + "/output", run.output); !ok) {
    return give_up("batch run", ok.error().message);
  }
  const std::uint64_t bad = end->failed + end->cancelled;
  if (bad == 0 && end->status == "completed") return 0;
  const std::string errors =
      !run.errors.empty() ? run.errors : (run.file == "-" ? "batch" : run.file) + ".errors";
  if (auto ok = copy_to_file(server, at + "/errors", errors); !ok) {
    return give_up("batch run", ok.error().message);
  }
  return give_up("batch run",
                 formatted("{}: {} of {} lines did not complete, see {}",
                           end->error.empty() ? end->status : end->error, bad, end->lines, errors));
}

int get_batch(const JobServer& server, const std::string& id) {
  if (!is_id(id)) return give_up("batch get", "'" + id + "' is no id");
  const auto answer = ask_server(server, {.path = "/v1/jobs/batches/" + id});
  if (!answer) return give_up("batch get", answer.error().message);
  std::println("{}", answer->body);
  return 0;
}

int cancel_batch(const JobServer& server, const std::string& id) {
  if (!is_id(id)) return give_up("batch cancel", "'" + id + "' is no id");
  const auto seen = read_batch(
      ask_server(server, {.method = http::Method::kDelete, .path = "/v1/jobs/batches/" + id}));
  if (!seen) return give_up("batch cancel", seen.error().message);
  std::println("{}", seen->status);
  return 0;
}

int back_up(const JobServer& server, const std::string& file) {
  std::error_code error;
  if (fs::exists(file, error)) return give_up("backup", file + " is there already");
  const std::string partial = file + ".partial";
  const auto stop = [&](const std::string& why) {
    fs::remove(partial, error);
    return give_up("backup", why);
  };
  {
    // Nobody else's to read: all that was handed in is in it.
    fs::remove(partial, error);
    const int made = ::open(partial.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (made >= 0) ::close(made);
    std::ofstream to(partial, std::ios::binary | std::ios::trunc);
    if (made < 0 || !to) return give_up("backup", "cannot write " + partial);
    const auto answer = ask_server(server, {.method = http::Method::kPost,
                                            .path = "/admin/jobs/backup",
                                            .limit = kLongestTransfer,
                                            .on_body = [&](std::string_view part) {
                                              to << part;
                                              return to.good();
                                            }});
    if (!answer) return stop(answer.error().message);
    to.flush();
    if (!to.good()) return stop("not everything could be written to " + partial);
  }
  {
    auto copy = sqlite::Connection::open(partial, sqlite::Connection::Mode::kReadWrite);
    if (!copy) return stop(copy.error().message);
    if (auto sound = sqlite::verify(**copy); !sound) return stop(sound.error().message);
    // One file, whatever it was copied from.
    if (auto ok = (*copy)->run("PRAGMA journal_mode = DELETE"); !ok) {
      return stop(ok.error().message);
    }
  }
  fs::rename(partial, file, error);
  if (error) return stop(error.message());
  std::println("{}: {} bytes", file, fs::file_size(file, error));
  return 0;
}

int restore(const JobServer& server, const std::string& file) {
  auto body = file_body(file);
  if (!body) return give_up("restore", body.error().message);
  if ((*body)->size == 0) return give_up("restore", file + " is empty");
  const auto answer = ask_server(server, {.method = http::Method::kPost,
                                          .path = "/admin/jobs/restore",
                                          .body_source = std::move(*body),
                                          .content_type = "application/vnd.sqlite3",
                                          .limit = kLongestTransfer});
  if (!answer) return give_up("restore", answer.error().message);
  std::println("the jobs are those of {}", file);
  return 0;
}

}  // namespace sluice::app
