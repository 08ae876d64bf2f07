// What the Redis store asks its scripts of batches; as redis_questions.h. Internal to the Redis
// store.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/format.h"
#include "jobs/batch_store.h"
#include "jobs/redis_questions.h"

namespace sluice::jobs::ask {

inline Error no_such_batch(std::string_view id) {
  return not_found(formatted("there is no batch {}", id));
}
// What a script says against a change; "": nothing.
inline std::optional<Error> against_batch(const redis::Reply& said, std::string_view id,
                                          std::string_view already = "") {
  if (said.text().empty()) return std::nullopt;
  if (said.text() == "missing") return no_such_batch(id);
  const auto state = static_cast<BatchState>(said.number().value_or(0));
  return Error{ErrorCode::kConflict, formatted("batch {} is {}{}", id, to_string(state), already)};
}

// So many replies are a batch, without its id.
inline constexpr std::size_t kBatchReplies = 13;
inline Batch read_batch(std::string id, Replies replies) {
  const auto count = [&](std::size_t i) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, replies[i].number().value_or(0)));
  };
  const auto time = [&](std::size_t i) -> std::optional<WallTime> {
    const std::int64_t at = replies[i].number().value_or(0);
    if (at == 0) return std::nullopt;
    return WallTime(std::chrono::milliseconds(at));
  };
  Batch batch{.id = std::move(id),
              .owner = replies[0].take_text(),
              .metadata = replies[1].take_text(),
              .state = static_cast<BatchState>(count(2)),
              .error = replies[3].take_text(),
              .created = time(4).value_or(WallTime()),
              .finished = time(5),
              .expires = time(6),
              .lines = count(7)};
  batch.processing = std::min(count(9), count(8));
  batch.pending = count(8) - batch.processing;
  batch.completed = count(10);
  batch.failed = count(11);
  batch.cancelled = count(12);
  return batch;
}
inline Result<Batch> read_batch_answer(const std::string& id, Replies replies,
                                       std::string_view already = "") {
  if (replies.empty()) return fail(internal("an empty answer to a question about a batch"));
  if (auto error = against_batch(replies[0], id, already)) return fail(*error);
  if (replies.size() <= kBatchReplies) return fail(no_such_batch(id));
  return read_batch(id, replies.subspan(1));
}

struct CreateBatch {
  UuidSource& ids;  // of the thread that asks
  NewBatch batch;
  std::string id{};

  [[nodiscard]] std::size_t bytes() const { return 128 + batch.metadata.size(); }
  void ask(Command& call) {
    id = to_string(ids.next());
    call.add(id).add(batch.owner).add(batch.metadata);
    const std::string& key = batch.idempotency_key;
    call.add(key.empty() ? "" : once(batch.owner, key));
  }
  [[nodiscard]] Result<CreatedBatch> answer(Replies replies) const {
    if (replies.size() < 2 + kBatchReplies) return fail(upload_goes_on());
    CreatedBatch created{.batch = read_batch(replies[0].take_text(), replies.subspan(2)),
                         .digest = {}};
    if (!replies[1].text().empty()) created.digest = replies[1].take_text();
    return created;
  }
};

struct AddLines {
  struct Line {
    std::string record, input;
    std::optional<Error> broken;
  };
  UuidSource& ids;  // of the thread that asks
  std::string batch;
  std::vector<Line> lines;
  std::size_t size;  // of them, in bytes

  [[nodiscard]] std::size_t bytes() const { return size; }
  void ask(Command& call) const {
    call.add(batch);
    for (const Line& line : lines) {
      call.add(to_string(ids.next())).add(line.record).add(line.input);
      if (line.broken) {
        call.add(static_cast<int>(line.broken->code));
        call.add(std::string_view(line.broken->message).substr(0, kMostErrorBytes));
      } else {
        call.add("").add("");
      }
    }
  }
  [[nodiscard]] Result<> answer(Replies replies) const {
    if (replies.empty()) return fail(internal("an empty answer to the lines of a batch"));
    if (auto error = against_batch(replies[0], batch)) return fail(*error);
    return {};
  }
};

struct SealBatch {
  std::string id, digest;

  [[nodiscard]] static std::size_t bytes() { return 128; }
  void ask(Command& call) const { call.add(id).add(digest); }
  [[nodiscard]] Result<Batch> answer(Replies replies) const {
    return read_batch_answer(id, replies);
  }
};

struct GetBatch {
  std::string id;

  [[nodiscard]] static std::size_t bytes() { return 64; }
  void ask(Command& call) const { call.add(id); }
  [[nodiscard]] Result<Batch> answer(Replies replies) const {
    return read_batch_answer(id, replies);
  }
};

struct CancelBatch {
  std::string id, error;

  [[nodiscard]] std::size_t bytes() const { return 64 + error.size(); }
  void ask(Command& call) const {
    call.add(id).add(std::string_view(error).substr(0, kMostErrorBytes));
  }
  [[nodiscard]] Result<Batch> answer(Replies replies) const {
    return read_batch_answer(id, replies, " already");
  }
};

// A page on its way: as many steps as it takes.
struct BatchWalk {
  Executor& home;
  std::optional<std::string> owner;
  std::string after;
  std::size_t limit;
  BatchStore::Done<std::vector<Batch>> done;
  std::vector<Batch> page{};
  std::string place{};
};
// True: the page is whole.
struct ListBatches {
  // In one script.
  static constexpr std::size_t kMost = 100;
  std::shared_ptr<BatchWalk> walk;

  [[nodiscard]] static std::size_t bytes() { return 128; }
  void ask(Command& call) const {
    call.add(walk->owner ? "=" + *walk->owner : "*").add(walk->after).add(walk->place);
    call.add(std::min(kMost, walk->limit - walk->page.size()));
  }
  [[nodiscard]] Result<bool> answer(Replies replies) const {
    const std::string_view place = replies.empty() ? std::string_view() : replies[0].text();
    if (place == "?") return fail(invalid("the cursor names no batch"));
    for (std::size_t i = 1; i + kBatchReplies < replies.size(); i += 1 + kBatchReplies) {
      walk->page.push_back(
          read_batch(replies[i].take_text(), replies.subspan(i + 1, kBatchReplies)));
    }
    walk->place = place;
    return walk->page.size() >= walk->limit || place.empty();
  }
};

struct ReadBatch {
  BatchStore::Read read;

  [[nodiscard]] static std::size_t bytes() { return 128; }
  void ask(Command& call) const {
    call.add(read.id).add(read.completed ? "c" : "o").add(read.after);
    call.add(std::clamp<std::size_t>(read.limit, 1, kMaxPage)).add(read.bytes);
  }
  [[nodiscard]] static Result<std::vector<JobView>> answer(Replies replies) {
    std::vector<JobView> found;
    for (std::size_t i = 0; i + 2 < replies.size(); i += 3) {
      auto job = read_record(replies[i].take_text(), replies[i + 1].text());
      if (!job) continue;
      found.push_back({.job = std::move(*job), .input = {}, .output = replies[i + 2].take_text()});
    }
    return found;
  }
};

// True: there is more to do now.
struct TendBatches {
  [[nodiscard]] static std::size_t bytes() { return 32; }
  static void ask(Command& call) { call.add(milliseconds(kLongestUploadSilence)); }
  [[nodiscard]] static Result<bool> answer(Replies replies) {
    return !replies.empty() && replies[0].integer() == 1;
  }
};

}  // namespace sluice::jobs::ask
