#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "base/format.h"
#include "jobs/redis_lanes.h"
#include "jobs/redis_lua.h"
#include "jobs/redis_news.h"
#include "jobs/redis_questions.h"
#include "jobs/testing_steps.h"
#include "redis/real_server.h"
#include "redis/reply_reader.h"

namespace sluice::jobs::testing {

namespace {

// One command at a time, and its answer waited for.
class PlainSocket {
 public:
  explicit PlainSocket(const redis::RealServer& server) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string path = (server.folder() / "socket").string();
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      if (std::chrono::steady_clock::now() > until) {
        throw std::runtime_error("no server at " + path);
      }
      std::this_thread::yield();
    }
  }
  ~PlainSocket() { ::close(fd_); }
  PlainSocket(const PlainSocket&) = delete;
  PlainSocket& operator=(const PlainSocket&) = delete;

  redis::Reply ask(const redis::Command& command) {
    out_.clear();
    command.write_to(out_);
    for (std::size_t sent = 0; sent < out_.size();) {
      const auto n = ::send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) throw std::runtime_error("the server has gone");
      sent += static_cast<std::size_t>(n);
    }
    while (true) {
      auto reply = reader_.next();
      if (!reply) throw std::runtime_error(reply.error().message);
      if (*reply) return std::move(**reply);
      char buffer[64 * 1024];
      const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) throw std::runtime_error("the server has gone");
      reader_.feed({buffer, static_cast<std::size_t>(n)});
    }
  }

 private:
  int fd_ = -1;
  std::string out_;
  redis::ReplyReader reader_{64UL * 1024 * 1024};
};

class RedisSteps final : public StoreSteps {
  // Runs one script.
  template <class Asked>
  auto step(RedisLane lane, Asked asked) {
    redis::Command call =
        redis::script_call(scripts_[static_cast<std::size_t>(lane)], {lua::kPrefix});
    const auto now = std::chrono::floor<std::chrono::milliseconds>(clock_->wall());
    call.add(std::to_string(now.time_since_epoch().count()));
    for (const std::string& constant : constants_) call.add(constant);
    asked.ask(call);
    redis::Reply reply = socket_.ask(call);
    if (reply.is_error()) throw std::runtime_error(std::string(reply.text()));
    news_.emplace_back(reply[0].text());
    return asked.answer(reply.items()[1].items());
  }

 public:
  RedisSteps() {
    for (std::size_t i = 0; i < kRedisLaneCount; ++i) {
      scripts_.push_back(script_of(static_cast<RedisLane>(i)));
      socket_.ask(redis::Command("SCRIPT", "LOAD", scripts_.back().text()));
    }
  }

  void reset(std::uint64_t seed, const Clock& clock) override {
    clock_ = &clock;
    bytes_ = std::make_unique<SeededBytes>(seed + 1);
    ids_ = std::make_unique<UuidSource>(clock, *bytes_);
    random_ = Random(seed + 2);
    news_.clear();
    socket_.ask(redis::Command("FLUSHALL"));
  }
  [[nodiscard]] bool can_undo() const override { return false; }

  Result<Submitted> submit(NewJob job) override {
    const std::string once =
        job.idempotency_key.empty() ? "" : formatted("0: {}", job.idempotency_key);
    auto record = new_record(job, once);
    if (!record) return fail(record.error());
    if (ask::PutIn::takes(job, false)) {
      return step(RedisLane::kPutIn, ask::PutIn{*ids_, *record, job, false});
    }
    return step(RedisLane::kSubmit, ask::Submit{*ids_, *record, job.input, job.digest});
  }
  std::vector<Claimed> claim(ClaimRequest request) override {
    return *step(RedisLane::kClaim, ask::Claim{.request = std::move(request),
                                               .lease = kSimulatedPolicy.lease,
                                               .waker = nullptr,
                                               .shared = ""});
  }
  std::vector<bool> extend(std::vector<Ticket> tickets, Duration lease) override {
    return *step(RedisLane::kExtend, ask::Extend{std::move(tickets), lease});
  }
  Result<Job> finish(const Ticket& ticket, Outcome outcome) override {
    return step(RedisLane::kFinish, ask::Finish{ticket, std::move(outcome), random_.unit()});
  }
  Result<Job> cancel(const std::string& id) override {
    return step(RedisLane::kCancel, ask::Cancel{id});
  }
  bool tend() override { return *step(RedisLane::kTend, ask::Tend{}); }
  std::vector<QueueCounts> counts() override { return *step(RedisLane::kCounts, ask::Counts{}); }
  Result<JobView> get(const std::string& id) override {
    return step(RedisLane::kGet, ask::Get{id, Store::Want::kOutput});
  }
  void tell(News& news) override {
    NewsTeller teller;
    teller.set(&news);
    for (const std::string& one : std::exchange(news_, {})) teller.tell(one);
  }

 private:
  redis::RealServer server_{"redis-server", {"appendonly no", "save \"\"", "port 0"}};
  PlainSocket socket_{server_};
  std::vector<redis::Script> scripts_;
  const std::vector<std::string> constants_ =
      script_constants(kSimulatedPolicy, std::nullopt, "node", "news");
  const Clock* clock_ = nullptr;
  std::unique_ptr<SeededBytes> bytes_;
  std::unique_ptr<UuidSource> ids_;
  Random random_{0};
  std::vector<std::string> news_;
};

}  // namespace

std::unique_ptr<StoreSteps> make_redis_steps() {
  return std::make_unique<RedisSteps>();
}

}  // namespace sluice::jobs::testing
