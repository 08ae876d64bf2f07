// Questions to the Redis store's scripts, many in one call. Internal to the Redis store.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/redis_store.h"
#include "redis/script.h"

namespace sluice::jobs {

// One question: part of a call, and its part of the answer.
class RedisQuestion {
 public:
  virtual ~RedisQuestion() = default;
  // Adds its arguments.
  virtual void ask(redis::Command& call) = 0;
  [[nodiscard]] virtual std::size_t bytes() const { return 0; }  // of its arguments, about
  virtual void answer(std::span<redis::Reply> replies) = 0;
  virtual void refuse(const Error& why) = 0;
};
using RedisQuestionPtr = std::unique_ptr<RedisQuestion>;

// Of one kind each, with a script of its own. Those that stand before another are asked first.
enum class RedisLane : std::uint8_t {
  kFinish,
  kSubmit,
  kPutIn,
  kExtend,
  kProgress,
  kCancel,
  kPause,
  kClaim,
  kGet,
  kList,
  kCounts,
  kDeliveries,
  kSettle,
  kCreateBatch,
  kAddLines,
  kSealBatch,
  kCancelBatch,
  kGetBatch,
  kListBatches,
  kReadBatch,
  kTend,
  kTendBatches
};
inline constexpr std::size_t kRedisLaneCount = 22;

redis::Script script_of(RedisLane lane);
// The arguments that are the same in every call of a node, in their order: after the time.
std::vector<std::string> script_constants(const JobPolicy& policy,
                                          const std::optional<SeedQueue>& shared,
                                          std::string_view node, std::string_view channel);

// On the store's loop. A few calls of a lane are under way at a time; what comes meanwhile goes out
// in one call after them, so that calls grow with the load. While the server is away, all are
// refused at once.
class RedisLanes {
 public:
  struct Events {
    std::function<void(std::string_view news)> told;  // by a script, of what it did
    // What an answer was lost of may have happened.
    std::function<void()> missed;
    std::function<void(const std::optional<Error>&)> trouble;  // the server's refusal, or its end
  };
  RedisLanes(redis::Connection& connection, const RedisStoreOptions& options, std::string_view node,
             std::string_view channel, Events events);
  ~RedisLanes();
  RedisLanes(const RedisLanes&) = delete;
  RedisLanes& operator=(const RedisLanes&) = delete;

  void add(RedisLane lane, RedisQuestionPtr question);
  // Asks what was added.
  void flush();

 private:
  struct Lane;
  using Questions = std::vector<RedisQuestionPtr>;
  void call(Lane& lane);
  static void refuse_waiting(Lane& lane, const Error& why);
  void answered(Lane& lane, Questions& asked, redis::Answer answer);

  redis::Connection& connection_;
  redis::ScriptRunner runner_;
  const RedisStoreOptions& options_;
  const std::vector<std::string> constants_;
  const Events events_;
  std::array<std::unique_ptr<Lane>, kRedisLaneCount> lanes_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::jobs
