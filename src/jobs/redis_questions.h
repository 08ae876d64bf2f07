// What the Redis store asks its scripts, and how it reads their answers. Internal to the Redis
// store.
//
// Each has bytes() (of its arguments, about), ask() and answer(), for the template in
// redis_store.cc.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/format.h"
#include "base/uuid.h"
#include "jobs/foreign_output.h"
#include "jobs/redis_record.h"
#include "jobs/redis_waker.h"
#include "jobs/store.h"
#include "redis/command.h"
#include "redis/reply.h"

namespace sluice::jobs::ask {

using redis::Command;
using Replies = std::span<redis::Reply>;

// Of an error's text, what is kept.
inline constexpr std::size_t kMostErrorBytes = 4096;
// In one claim: a script holds the server for as long as it runs.
inline constexpr std::size_t kMostClaimed = 256;

inline std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}
inline Error no_such_job(std::string_view id) {
  return not_found(formatted("there is no job {}", id));
}
// An idempotency key with its owner, as keys of the server have it.
inline std::string once(std::string_view owner, std::string_view key) {
  return formatted("{}:{} {}", owner.size(), owner, key);
}
// What a script says against a change; "": nothing.
inline std::optional<Error> against(std::string_view said, std::string_view id,
                                    std::uint32_t attempt) {
  if (said.empty()) return std::nullopt;
  if (said == "missing") return no_such_job(id);
  if (said == "lost") {
    return Error{ErrorCode::kConflict,
                 formatted("attempt {} of job {} is over: it lost its lease", attempt, id)};
  }
  return Error{ErrorCode::kConflict, formatted("job {} is {} already", id, said)};
}
inline Result<Job> read_job(const std::string& id, const redis::Reply& record) {
  auto job = read_record(id, record.text());
  if (!job) return fail(internal(formatted("the record of job {} cannot be read", id)));
  return std::move(*job);
}

struct Submit {
  UuidSource& ids;  // of the thread that asks
  std::string record, input, digest;
  std::string id{};

  [[nodiscard]] std::size_t bytes() const {
    return record.size() + input.size() + digest.size() + 64;
  }
  void ask(Command& call) {
    id = to_string(ids.next());
    call.add(id).add(record).add(input).add(digest);
  }
  Result<Submitted> answer(Replies replies) {
    const std::string_view said = replies[0].text();
    if (said.empty()) return Submitted{std::move(id), false};
    if (said != "!") return Submitted{std::string(said), true};
    return fail(invalid("this Idempotency-Key was used for another request; take a new key"));
  }
};

// A job that wants no more than to wait in its queue.
struct PutIn {
  UuidSource& ids;  // of the thread that asks
  std::string record;
  NewJob job;
  bool mirrored;  // in the seed's list and keys
  std::string id{};

  [[nodiscard]] static bool takes(const NewJob& job, bool mirrored) {
    return job.idempotency_key.empty() && !job.run_at && !job.deadline && job.batch.empty() &&
           (!mirrored || job.priority == Priority::kNormal);
  }
  [[nodiscard]] std::size_t bytes() const { return record.size() + job.input.size() + 192; }
  void ask(Command& call) {
    id = to_string(ids.next());
    std::string way(mirrored ? "s" : "q");
    for (const std::string_view text :
         {std::string_view(job.callable), to_string(job.priority), std::string_view(job.tenant),
          std::string_view(job.owner)}) {
      const auto size = static_cast<std::uint16_t>(text.size());  // new_record() lets no more in
      way += static_cast<char>(size & 0xffU);
      way += static_cast<char>(size >> 8U);
      way += text;
    }
    call.add(id).add(told_of(record)).add(job.input).add(way);
  }
  Result<Submitted> answer(Replies) { return Submitted{std::move(id), false}; }
};

inline std::string output_of(const redis::Reply& record, redis::Reply& output) {
  if (has_foreign_output(record.text()) && !output.text().empty()) {
    return to_json_line(output.text());
  }
  return output.take_text();
}

struct Get {
  std::string id;
  Store::Want want;

  [[nodiscard]] static std::size_t bytes() { return 64; }
  void ask(Command& call) const {
    const bool output = want == Store::Want::kOutput;
    call.add(id).add(output ? "o" : want == Store::Want::kInput ? "i" : "-");
  }
  [[nodiscard]] Result<JobView> answer(Replies replies) const {
    if (replies[0].text().empty()) return fail(no_such_job(id));
    auto job = read_job(id, replies[0]);
    if (!job) return fail(job.error());
    JobView view{.job = std::move(*job), .input = {}, .output = {}};
    if (want == Store::Want::kInput) {
      view.input = replies[1].take_text();
    } else {
      view.output = output_of(replies[0], replies[1]);
    }
    return view;
  }
};

struct Cancel {
  std::string id;

  [[nodiscard]] static std::size_t bytes() { return 64; }
  void ask(Command& call) const { call.add(id); }
  [[nodiscard]] Result<Job> answer(Replies replies) const {
    if (auto error = against(replies[0].text(), id, 0)) return fail(*error);
    return read_job(id, replies[1]);
  }
};

struct Claim {
  ClaimRequest request;
  Duration lease;
  RedisWaker* waker;                                               // null: no list is shared
  std::string shared;                                              // the callable whose list it is
  const std::function<void(std::string_view)>* foreign = nullptr;  // told of ids that are none

  [[nodiscard]] std::size_t bytes() const { return 64 * (request.queues.size() + 1); }
  void ask(Command& call) const {
    call.add(request.worker).add(milliseconds(request.lease.value_or(lease)));
    for (const ClaimRequest::Queue& queue : request.queues) {
      call.add(queue.callable).add(std::min(queue.most, kMostClaimed));
    }
  }
  Result<std::vector<Claimed>> answer(Replies replies) {
    std::vector<Claimed> jobs;
    bool any = false;
    for (std::size_t i = 1; i + 2 < replies.size(); i += 3) {
      auto job = read_record(replies[i].take_text(), replies[i + 1].text());
      if (!job) continue;  // another version's: its lease runs out
      any = any || job->callable == shared;
      jobs.push_back({std::move(*job), replies[i + 2].take_text()});
    }
    // "1" or "0", then each id that is none behind a line end.
    std::string_view first = replies.empty() ? std::string_view() : replies[0].text();
    if (waker != nullptr && first.starts_with('1')) waker->wait(any);
    for (auto at = first.find('\n'); at != std::string_view::npos; at = first.find('\n')) {
      first.remove_prefix(at + 1);
      if (foreign != nullptr && *foreign) (*foreign)(first.substr(0, first.find('\n')));
    }
    return jobs;
  }
};

struct Extend {
  std::vector<Ticket> tickets;
  Duration lease;

  [[nodiscard]] std::size_t bytes() const { return 80 * tickets.size(); }
  void ask(Command& call) const {
    call.add(milliseconds(lease));
    for (const Ticket& ticket : tickets) call.add(ticket.id).add(ticket.attempt);
  }
  [[nodiscard]] Result<std::vector<bool>> answer(Replies replies) const {
    std::vector<bool> held;
    held.reserve(tickets.size());
    for (std::size_t i = 0; i < tickets.size(); ++i) {
      held.push_back(i < replies.size() && replies[i].integer() == 1);
    }
    return held;
  }
};

struct Report {
  Ticket ticket;
  Progress progress;

  [[nodiscard]] std::size_t bytes() const { return 96 + progress.partial.value_or("").size(); }
  void ask(Command& call) const {
    call.add(ticket.id).add(ticket.attempt);
    const double share = progress.share.value_or(0);
    const double kept = std::isnan(share) ? 0 : std::clamp(share, 0.0, 1.0);
    call.add(progress.share ? formatted("{}", kept) : "");
    call.add(progress.partial ? "1" : "").add(progress.partial.value_or(""));
  }
  [[nodiscard]] Result<> answer(Replies replies) const {
    if (auto error = against(replies[0].text(), ticket.id, ticket.attempt)) return fail(*error);
    return {};
  }
};

struct Finish {
  Ticket ticket;
  Outcome outcome;
  double random;  // spreads the next attempt

  [[nodiscard]] std::size_t bytes() const {
    const auto* completed = std::get_if<Completed>(&outcome);
    return 256 + (completed != nullptr ? completed->output.size() : 0);
  }
  void ask(Command& call) const {
    call.add(ticket.id).add(ticket.attempt);
    if (const auto* completed = std::get_if<Completed>(&outcome)) {
      call.add("c").add(completed->output).add("").add("").add("0");
    } else if (const auto* failed = std::get_if<Failed>(&outcome)) {
      call.add("f").add(std::string_view(failed->error.message).substr(0, kMostErrorBytes));
      call.add(static_cast<int>(failed->error.code)).add(failed->worth_retrying ? "1" : "0");
      call.add(formatted("{}", random));
    } else {
      const bool outage = std::get<Requeued>(outcome).cause == Cause::kOutage;
      call.add("r").add("").add(outage ? "outage" : "").add("").add("0");
    }
  }
  [[nodiscard]] Result<Job> answer(Replies replies) const {
    if (auto error = against(replies[0].text(), ticket.id, ticket.attempt)) return fail(*error);
    return read_job(ticket.id, replies[1]);
  }
};

struct Pause {
  std::string callable;
  bool paused;

  [[nodiscard]] static std::size_t bytes() { return 64; }
  void ask(Command& call) const { call.add(callable).add(paused ? "1" : "0"); }
  [[nodiscard]] static Result<> answer(Replies) { return {}; }
};

struct Counts {
  [[nodiscard]] static std::size_t bytes() { return 0; }
  static void ask(Command&) {}
  [[nodiscard]] static Result<std::vector<QueueCounts>> answer(Replies replies) {
    const auto count = [&](std::size_t i) {
      return static_cast<std::uint64_t>(std::max<std::int64_t>(0, replies[i].integer()));
    };
    std::vector<QueueCounts> counts;
    for (std::size_t i = 0; i + 3 < replies.size(); i += 4) {
      counts.push_back({replies[i].take_text(), count(i + 1) != 0, count(i + 2), count(i + 3)});
    }
    std::ranges::sort(counts, {}, &QueueCounts::callable);
    return counts;
  }
};

struct Deliveries {
  std::size_t most;
  Duration lease;

  [[nodiscard]] static std::size_t bytes() { return 32; }
  void ask(Command& call) const { call.add(most).add(milliseconds(lease)); }
  [[nodiscard]] static Result<std::vector<Delivery>> answer(Replies replies) {
    std::vector<Delivery> all;
    for (std::size_t i = 0; i + 3 < replies.size(); i += 4) {
      auto job = read_record(replies[i].take_text(), replies[i + 2].text());
      if (!job) continue;
      all.push_back({std::move(*job), output_of(replies[i + 2], replies[i + 3]),
                     static_cast<std::uint32_t>(replies[i + 1].integer())});
    }
    return all;
  }
};

struct Settle {
  Ticket delivery;
  std::optional<Duration> again;

  [[nodiscard]] static std::size_t bytes() { return 96; }
  void ask(Command& call) const {
    call.add(delivery.id).add(delivery.attempt).add(again ? milliseconds(*again) : -1);
  }
  [[nodiscard]] static Result<> answer(Replies) { return {}; }
};

// True: there is more to do now.
struct Tend {
  [[nodiscard]] static std::size_t bytes() { return 0; }
  static void ask(Command&) {}
  [[nodiscard]] static Result<bool> answer(Replies replies) {
    return !replies.empty() && replies[0].integer() == 1;
  }
};

// A page on its way: as many steps as it takes.
struct Walk {
  Executor& home;
  ListQuery query;
  Store::Done<JobPage> done;
  JobPage page{};
  std::string place{};
  int steps = 0;
};
// True: the page is whole.
struct List {
  std::shared_ptr<Walk> walk;

  [[nodiscard]] static std::size_t bytes() { return 128; }
  void ask(Command& call) const {
    const ListQuery& query = walk->query;
    call.add(query.owner ? "=" + *query.owner : "*");
    call.add(query.state ? std::to_string(static_cast<int>(*query.state)) : "");
    call.add(query.callable).add(query.batch).add(query.after).add(walk->place);
    call.add(query.limit + 1 - walk->page.jobs.size());
  }
  [[nodiscard]] Result<bool> answer(Replies replies) const {
    const std::string_view place = replies.empty() ? std::string_view() : replies[0].text();
    if (place == "?") {
      return fail(
          invalid("the cursor names no job, or one that is gone; begin from the first page"));
    }
    for (std::size_t i = 1; i + 1 < replies.size(); i += 2) {
      auto job = read_record(replies[i].take_text(), replies[i + 1].text());
      if (job) walk->page.jobs.push_back(std::move(*job));
    }
    walk->place = place;
    return walk->page.jobs.size() > walk->query.limit || place.empty();
  }
};

}  // namespace sluice::jobs::ask
