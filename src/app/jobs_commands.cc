#include "app/jobs_commands.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <print>

#include "app/remote.h"
#include "base/format.h"
#include "config/units.h"
#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::app {

namespace {

// Of one question; the server is asked again until the end.
constexpr std::chrono::seconds kPoll{30};
constexpr std::chrono::seconds kAnswerTime{10};

int give_up(std::string_view command, const std::string& why) {
  std::println(stderr, "sluice jobs {}: {}", command, why);
  return 1;
}

Result<std::string> read_all(std::istream& stream) {
  return std::string(std::istreambuf_iterator<char>(stream), {});
}
Result<std::string> read_input(const std::string& text) {
  if (text == "-") return read_all(std::cin);
  if (!text.starts_with('@')) return text;
  std::ifstream file(text.substr(1), std::ios::binary);
  if (!file) return fail(invalid(formatted("cannot read {}", text.substr(1))));
  return read_all(file);
}

// A job as it was answered.
class JobText {
 public:
  static Result<JobText> parse(std::string body) {
    JobText job;
    job.body_ = std::move(body);
    const auto root = job.reader_->parse_copy(job.body_);
    if (!root) return fail(root.error());
    job.root_ = *root;
    return job;
  }
  [[nodiscard]] std::string text(const char* key) const {
    std::string_view value;
    return root_[key].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
  }
  [[nodiscard]] bool ended() const {
    const std::string status = text("status");
    return status == "completed" || status == "failed" || status == "cancelled";
  }
  [[nodiscard]] const std::string& body() const { return body_; }
  [[nodiscard]] std::string result() const {
    simdjson::dom::element result;
    if (root_["result"].get(result) != simdjson::SUCCESS) return "null";
    return simdjson::minify(result);
  }
  // Why it did not complete.
  [[nodiscard]] std::string reason() const {
    std::string_view why;
    if (root_["error"]["message"].get(why) != simdjson::SUCCESS) return text("status");
    return formatted("{}: {}", text("status"), why);
  }

 private:
  std::string body_;
  std::unique_ptr<json::Reader> reader_ = std::make_unique<json::Reader>();
  simdjson::dom::element root_;
};

Result<JobText> ask_for_job(const JobServer& server, Question question) {
  const auto url = http::parse_url(server.url);
  if (!url) return fail(url.error());
  question.key = server.key;
  auto answer = ask(*url, std::move(question));
  if (!answer) return fail(answer.error());
  return JobText::parse(std::move(answer->body));
}

std::string path_of(const std::string& id, std::string_view rest = {}) {
  return formatted("/v1/jobs/{}{}", id, rest);
}
// What could be another path is no id.
bool is_id(const std::string& id) {
  return !id.empty() && std::ranges::all_of(id, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  });
}

Result<JobText> wait_for_end(const JobServer& server, const std::string& id, Duration timeout) {
  const SystemClock clock;
  const TimePoint end = clock.now() + timeout;
  while (true) {
    const Duration left = std::max<Duration>(end - clock.now(), Duration::zero());
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::min<Duration>(left, kPoll));
    auto job = ask_for_job(server, {.path = path_of(id, formatted("?wait={}ms", wait.count())),
                                    .limit = wait + Duration(kAnswerTime)});
    if (!job || job->ended()) return job;
    if (clock.now() >= end) {
      return fail(timed_out(formatted("job {} is {} still", id, job->text("status"))));
    }
  }
}

int print_end(std::string_view command, const Result<JobText>& job) {
  if (!job) return give_up(command, job.error().message);
  if (job->text("status") != "completed") return give_up(command, job->reason());
  std::println("{}", job->result());
  return 0;
}

Result<std::string> body_of(const JobSubmission& submission) {
  auto input = read_input(submission.input);
  if (!input) return input;
  json::Reader reader;
  if (const auto parsed = reader.parse_copy(*input); !parsed) {
    return fail(invalid("the input is " + parsed.error().message));
  }
  std::string body;
  json::Writer writer(body);
  writer.begin_object().field("callable", submission.callable).key("input").raw(*input);
  const std::pair<std::string_view, const std::string&> texts[] = {
      {"priority", submission.priority},
      {"run_at", submission.run_at},
      {"deadline", submission.deadline},
      {"webhook", submission.webhook}};
  for (const auto& [name, text] : texts) {
    if (!text.empty()) writer.field(name, text);
  }
  if (!submission.metadata.empty()) {
    if (const auto parsed = reader.parse_copy(submission.metadata); !parsed) {
      return fail(invalid("the metadata is " + parsed.error().message));
    }
    writer.key("metadata").raw(submission.metadata);
  }
  writer.end_object();
  return body;
}

int each_of(std::string_view command, const std::vector<std::string>& ids,
            const std::function<Result<JobText>(const std::string&)>& act, std::string_view what) {
  int status = 0;
  for (const std::string& id : ids) {
    const auto job = is_id(id) ? act(id) : Result<JobText>(fail(invalid("'" + id + "' is no id")));
    if (!job) {
      status = give_up(command, job.error().message);
    } else {
      std::println("{}", job->text(what.data()));
    }
  }
  return status;
}

}  // namespace

int submit_job(const JobServer& server, const JobSubmission& submission) {
  auto body = body_of(submission);
  if (!body) return give_up("submit", body.error().message);
  Question question{.method = http::Method::kPost, .path = "/v1/jobs", .body = std::move(*body)};
  if (!submission.idempotency_key.empty()) {
    question.headers.set("Idempotency-Key", submission.idempotency_key);
  }
  const auto job = ask_for_job(server, std::move(question));
  if (!job) return give_up("submit", job.error().message);
  if (!submission.wait) {
    std::println("{}", job->text("id"));
    return 0;
  }
  std::println(stderr, "{}", job->text("id"));
  return print_end("submit", wait_for_end(server, job->text("id"), std::chrono::hours(24)));
}

int get_job(const JobServer& server, const std::string& id, bool only_result) {
  if (!is_id(id)) return give_up("get", "'" + id + "' is no id");
  const auto job = ask_for_job(server, {.path = path_of(id)});
  if (!job) return give_up("get", job.error().message);
  if (only_result) return print_end("get", job);
  std::println("{}", job->body());
  return 0;
}

int wait_for_job(const JobServer& server, const std::string& id, const std::string& timeout) {
  if (!is_id(id)) return give_up("wait", "'" + id + "' is no id");
  const auto longest = config::parse_duration(timeout);
  if (!longest) return give_up("wait", "--timeout: expected how long, like 10m");
  return print_end("wait", wait_for_end(server, id, *longest));
}

int list_jobs(const JobServer& server, const JobFilter& filter) {
  std::string path = formatted("/v1/jobs?limit={}", filter.limit);
  const std::pair<std::string_view, const std::string&> filters[] = {
      {"status", filter.status}, {"callable", filter.callable}, {"after", filter.after}};
  for (const auto& [name, value] : filters) {
    if (value.empty()) continue;
    if (!is_id(value)) return give_up("list", formatted("'{}' is no {}", value, name));
    path += formatted("&{}={}", name, value);
  }
  const auto url = http::parse_url(server.url);
  if (!url) return give_up("list", url.error().message);
  const auto answer = ask(*url, {.path = path, .key = server.key});
  if (!answer) return give_up("list", answer.error().message);
  if (filter.as_json) {
    std::println("{}", answer->body);
    return 0;
  }
  json::Reader reader;
  const auto root = reader.parse_copy(answer->body);
  simdjson::dom::array jobs;
  if (!root || (*root)["jobs"].get(jobs) != simdjson::SUCCESS) {
    return give_up("list", "the answer is no list of jobs");
  }
  std::println("{:<36}  {:<10}  {:<7}  {:>7}  {:<24}  {}", "ID", "STATUS", "PRIORITY", "ATTEMPT",
               "CREATED", "CALLABLE");
  for (const simdjson::dom::element job : jobs) {
    const auto text = [&](const char* key) {
      std::string_view value;
      return job[key].get(value) == simdjson::SUCCESS ? value : std::string_view();
    };
    std::int64_t attempt = 0;
    if (job["attempt"].get(attempt) != simdjson::SUCCESS) attempt = 0;
    std::println("{:<36}  {:<10}  {:<8}  {:>7}  {:<24}  {}", text("id"), text("status"),
                 text("priority"), attempt, text("created_at"), text("callable"));
  }
  std::string_view next;
  if ((*root)["next"].get(next) == simdjson::SUCCESS) {
    std::println(stderr, "there are more: --after {}", next);
  }
  return 0;
}

int cancel_jobs(const JobServer& server, const std::vector<std::string>& ids) {
  return each_of(
      "cancel", ids,
      [&](const std::string& id) {
        return ask_for_job(server, {.method = http::Method::kDelete, .path = path_of(id)});
      },
      "status");
}

int retry_jobs(const JobServer& server, const std::vector<std::string>& ids) {
  return each_of(
      "retry", ids,
      [&](const std::string& id) {
        return ask_for_job(server, {.method = http::Method::kPost, .path = path_of(id, "/retry")});
      },
      "id");
}

}  // namespace sluice::app
