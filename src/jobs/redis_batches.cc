#include "jobs/redis_batches.h"

#include <algorithm>
#include <utility>

#include "jobs/redis_batch_questions.h"

namespace sluice::jobs {

namespace {

// Lines that one script adds: it holds the server for as long as it runs.
constexpr std::size_t kMostLines = 128;
constexpr std::size_t kMostBytes = 1024 * 1024;
// Of what a line says of itself that is too long to be kept, for its message.
constexpr std::size_t kShown = 256;

// A line of which no record can be made costs no other: it is kept as one that cannot be run.
Result<ask::AddLines::Line> line_of(NewJob job) {
  auto record = new_record(job, "");
  if (!record) {
    if (!job.broken) job.broken = record.error();
    for (std::string* text : {&job.callable, &job.custom_id, &job.webhook}) {
      if (text->size() > kShown) text->resize(kShown);
    }
    record = new_record(job, "");
    if (!record) return fail(record.error());
  }
  return ask::AddLines::Line{std::move(*record), std::move(job.input), std::move(job.broken)};
}

}  // namespace

// Lines on their way, so many at a time.
struct RedisBatches::Adding {
  Executor& home;
  std::string id;
  std::vector<NewJob> lines;
  Done<void> done;
  std::size_t next = 0;
};

void RedisBatches::create_batch(Executor& home, NewBatch batch, Done<CreatedBatch> done) {
  asker_.ask(RedisLane::kCreateBatch, home, std::move(done),
             ask::CreateBatch{ids_, std::move(batch)});
}

void RedisBatches::add_to_batch(Executor& home, std::string id, std::vector<NewJob> lines,
                                Done<void> done) {
  if (!is_job_id(id)) return RedisAsker::refuse(home, std::move(done), ask::no_such_batch(id));
  add_some(std::make_shared<Adding>(home, std::move(id), std::move(lines), std::move(done)));
}

void RedisBatches::add_some(const std::shared_ptr<Adding>& adding) {
  ask::AddLines asked{.ids = ids_, .batch = adding->id, .lines = {}, .size = 64};
  while (adding->next < adding->lines.size() && asked.lines.size() < kMostLines &&
         asked.size < kMostBytes) {
    NewJob& job = adding->lines[adding->next++];
    job.batch = adding->id;
    auto line = line_of(std::move(job));
    if (!line) return RedisAsker::refuse(adding->home, std::move(adding->done), line.error());
    asked.size += 64 + line->record.size() + line->input.size();
    asked.lines.push_back(std::move(*line));
  }
  asker_.ask(RedisLane::kAddLines, adding->home, Done<void>([this, adding](Result<> added) {
               if (added && adding->next < adding->lines.size()) return add_some(adding);
               adding->done(std::move(added));
             }),
             std::move(asked));
}

void RedisBatches::seal_batch(Executor& home, std::string id, std::string digest,
                              Done<Batch> done) {
  if (!is_job_id(id)) return RedisAsker::refuse(home, std::move(done), ask::no_such_batch(id));
  asker_.ask(RedisLane::kSealBatch, home, std::move(done),
             ask::SealBatch{std::move(id), std::move(digest)});
}

void RedisBatches::cancel_batch(Executor& home, std::string id, std::string error,
                                Done<Batch> done) {
  if (!is_job_id(id)) return RedisAsker::refuse(home, std::move(done), ask::no_such_batch(id));
  asker_.ask(RedisLane::kCancelBatch, home, std::move(done),
             ask::CancelBatch{std::move(id), std::move(error)});
}

void RedisBatches::get_batch(Executor& home, std::string id, Done<Batch> done) {
  if (!is_job_id(id)) return RedisAsker::refuse(home, std::move(done), ask::no_such_batch(id));
  asker_.ask(RedisLane::kGetBatch, home, std::move(done), ask::GetBatch{std::move(id)});
}

void RedisBatches::list_batches(Executor& home, std::optional<std::string> owner, std::string after,
                                std::size_t limit, Done<std::vector<Batch>> done) {
  step(std::make_shared<ask::BatchWalk>(home, std::move(owner), std::move(after),
                                        std::clamp<std::size_t>(limit, 1, kMaxPage),
                                        std::move(done)));
}

void RedisBatches::step(const std::shared_ptr<ask::BatchWalk>& walk) {
  asker_.ask(RedisLane::kListBatches, walk->home, Done<bool>([this, walk](Result<bool> whole) {
               if (!whole) return walk->done(fail(whole.error()));
               if (!*whole) return step(walk);
               walk->done(std::move(walk->page));
             }),
             ask::ListBatches{walk});
}

void RedisBatches::read_batch(Executor& home, Read read, Done<std::vector<JobView>> done) {
  asker_.ask(RedisLane::kReadBatch, home, std::move(done), ask::ReadBatch{std::move(read)});
}

}  // namespace sluice::jobs
