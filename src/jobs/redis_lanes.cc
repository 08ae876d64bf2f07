#include "jobs/redis_lanes.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/format.h"
#include "jobs/redis_lua.h"

namespace sluice::jobs {

namespace {

// Calls of one lane under way at a time: while the server works on one, the next is on its way.
constexpr std::size_t kCallsAtOnce = 2;
// In one call: a script holds the server for as long as it runs.
constexpr std::size_t kMostBytes = 1024 * 1024;
// What a caller waits at least before it asks again.
constexpr std::chrono::milliseconds kRetryAfter{1000};

// What a text needs before it.
using Parts = std::span<const std::string_view* const>;
constexpr std::array<const std::string_view*, 3> kOfJobs = {&lua::kHead, &lua::kRecord,
                                                            &lua::kSeed};
constexpr std::array<const std::string_view*, 4> kOfFinish = {&lua::kFinishPlain, &lua::kHead,
                                                              &lua::kRecord, &lua::kSeed};
constexpr std::array<const std::string_view*, 4> kOfBatches = {&lua::kHead, &lua::kRecord,
                                                               &lua::kSeed, &lua::kBatch};

struct Kind {
  const char* name;
  const std::string_view& text;
  std::size_t most;     // questions in one call
  std::size_t replies;  // to each; 0: whatever the one question gets
  Parts before = kOfJobs;
};

// In the order of RedisLane.
const std::array<Kind, kRedisLaneCount> kKinds = {
    {{"finish", lua::kFinish, 64, 2, kOfFinish},
     {"submit", lua::kSubmit, 64, 1},
     {"put_in", lua::kPutIn, 64, 1, {}},
     {"extend", lua::kExtend, 1, 0},
     {"progress", lua::kProgress, 1, 0},
     {"cancel", lua::kCancel, 1, 0},
     {"pause", lua::kPause, 1, 0},
     {"claim", lua::kClaim, 1, 0},
     {"get", lua::kGet, 64, 2},
     {"list", lua::kList, 1, 0},
     {"counts", lua::kCounts, 1, 0},
     {"deliveries", lua::kDeliveries, 1, 0},
     {"settle", lua::kSettle, 1, 0},
     {"create_batch", lua::kCreateBatch, 1, 0, kOfBatches},
     {"add_lines", lua::kAddLines, 1, 0, kOfBatches},
     {"seal_batch", lua::kSealBatch, 1, 0, kOfBatches},
     {"cancel_batch", lua::kCancelBatch, 1, 0, kOfBatches},
     {"get_batch", lua::kGetBatch, 1, 0, kOfBatches},
     {"list_batches", lua::kListBatches, 1, 0, kOfBatches},
     {"read_batch", lua::kReadBatch, 1, 0, kOfBatches},
     {"tend", lua::kTend, 1, 0},
     {"tend_batches", lua::kTendBatches, 1, 0, kOfBatches}}};

std::int64_t to_count_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// As the store's callers know it: what was not to be had in time is away.
Error to_store_error(Error error) {
  if (error.code == ErrorCode::kTimeout || error.code == ErrorCode::kCancelled) {
    error.code = ErrorCode::kUnavailable;
  }
  if (error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kExhausted) {
    if (!error.retry_after) error.retry_after = kRetryAfter;
  }
  return error;
}

}  // namespace

struct RedisLanes::Lane {
  explicit Lane(RedisLane lane)
      : kind(kKinds[static_cast<std::size_t>(lane)]), script(script_of(lane)) {}
  const Kind& kind;
  const redis::Script script;
  std::deque<RedisQuestionPtr> waiting;
  std::size_t under_way = 0;
};

redis::Script script_of(RedisLane lane) {
  const Kind& kind = kKinds[static_cast<std::size_t>(lane)];
  std::string text;
  for (const std::string_view* part : kind.before) text += *part;
  return {kind.name, text.append(kind.text)};
}

std::vector<std::string> script_constants(const JobPolicy& policy,
                                          const std::optional<SeedQueue>& shared,
                                          std::string_view node, std::string_view channel) {
  const SeedQueue seed = shared.value_or(SeedQueue{.key = "", .callable = "", .format = ""});
  return {std::string(node),
          std::string(channel),
          std::to_string(to_count_ms(policy.retention)),
          std::to_string(policy.retries),
          std::to_string(to_count_ms(policy.retry_base)),
          std::to_string(to_count_ms(policy.retry_longest)),
          std::to_string(policy.poison_limit),
          seed.key,
          seed.callable,
          seed.format,
          std::to_string(to_count_ms(seed.foreign_timeout))};
}

RedisLanes::RedisLanes(redis::Connection& connection, const RedisStoreOptions& options,
                       std::string_view node, std::string_view channel, Events events)
    : connection_(connection),
      runner_(connection),
      options_(options),
      constants_(script_constants(options.policy, options.seed, node, channel)),
      events_(std::move(events)) {
  for (std::size_t lane = 0; lane < kRedisLaneCount; ++lane) {
    lanes_[lane] = std::make_unique<Lane>(static_cast<RedisLane>(lane));
  }
}

RedisLanes::~RedisLanes() {
  *alive_ = false;
  const Error gone = to_store_error(unavailable("the store for jobs was closed"));
  for (const auto& lane : lanes_) refuse_waiting(*lane, gone);
}

void RedisLanes::refuse_waiting(Lane& lane, const Error& why) {
  for (const RedisQuestionPtr& question : std::exchange(lane.waiting, {})) question->refuse(why);
}

void RedisLanes::add(RedisLane lane, RedisQuestionPtr question) {
  lanes_[static_cast<std::size_t>(lane)]->waiting.push_back(std::move(question));
}

void RedisLanes::flush() {
  for (const auto& lane : lanes_) {
    while (!lane->waiting.empty() &&
           (lane->under_way < kCallsAtOnce || lane->kind.most == 1 || !connection_.is_up())) {
      call(*lane);
    }
  }
}

void RedisLanes::call(Lane& lane) {
  auto asked = std::make_shared<Questions>();
  std::size_t bytes = 0;
  while (!lane.waiting.empty() && asked->size() < lane.kind.most && bytes < kMostBytes) {
    bytes += lane.waiting.front()->bytes();
    asked->push_back(std::move(lane.waiting.front()));
    lane.waiting.pop_front();
  }
  redis::Command command = redis::script_call(lane.script, {lua::kPrefix});
  command.reserve(bytes);
  command.add(options_.time ? std::to_string(to_count_ms(options_.time().time_since_epoch())) : "");
  for (const std::string& constant : constants_) command.add(constant);
  for (const RedisQuestionPtr& question : *asked) question->ask(command);
  ++lane.under_way;
  // It is bounded by the connection's own timeout, and answered when that ends.
  runner_.run(lane.script, std::move(command), Deadline::never(),
              [this, &lane, asked, alive = alive_](redis::Answer answer) {
                if (*alive) return answered(lane, *asked, std::move(answer));
                const Error gone = to_store_error(unavailable("the store for jobs was closed"));
                for (const RedisQuestionPtr& question : *asked) question->refuse(gone);
              });
}

void RedisLanes::answered(Lane& lane, Questions& asked, redis::Answer answer) {
  --lane.under_way;
  if (!answer) {
    const redis::Failure& failure = answer.error();
    if (failure.fate == redis::Fate::kUnknown) events_.missed();
    // What the server refuses says how it is; what never went out is known from its connection.
    if (failure.fate == redis::Fate::kRefused) events_.trouble(failure.error);
    const Error error = to_store_error(failure.error);
    for (const RedisQuestionPtr& question : asked) question->refuse(error);
    // Those behind them have waited as long, for a server that does not answer.
    if (failure.error.code == ErrorCode::kTimeout) refuse_waiting(lane, error);
    return flush();
  }
  events_.trouble(std::nullopt);
  events_.told((*answer)[0].text());
  const std::span<redis::Reply> replies =
      answer->size() > 1 ? answer->items()[1].items() : std::span<redis::Reply>();
  const std::size_t each = lane.kind.replies == 0 ? replies.size() : lane.kind.replies;
  if (replies.size() < asked.size() * each) {
    const Error odd = internal(formatted("the script '{}' gave {} answers to {} questions",
                                         lane.kind.name, replies.size(), asked.size()));
    for (const RedisQuestionPtr& question : asked) question->refuse(odd);
    return flush();
  }
  for (std::size_t i = 0; i < asked.size(); ++i) asked[i]->answer(replies.subspan(i * each, each));
  flush();
}

}  // namespace sluice::jobs
