#include "jobs/redis_store.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <future>
#include <mutex>
#include <utility>

#include "base/format.h"
#include "base/random.h"
#include "jobs/redis_asker.h"
#include "jobs/redis_batch_questions.h"
#include "jobs/redis_batches.h"
#include "jobs/redis_lanes.h"
#include "jobs/redis_news.h"
#include "jobs/redis_questions.h"
#include "redis/connection.h"
#include "redis/subscriber.h"

namespace sluice::jobs {

namespace {

// Steps of one walk through the list: each looks at some hundred jobs.
constexpr int kMostSteps = 2000;
// After an answer was lost our own news may be lost with it, so it is heard from the channel too.
constexpr Duration kListenAgain = std::chrono::seconds(30);
constexpr Duration kUseEvery = std::chrono::seconds(5);

std::uint64_t random_number(RandomBytes& random) {
  std::array<std::uint8_t, 8> bytes{};
  random.fill(bytes);
  return std::bit_cast<std::uint64_t>(bytes);
}

class RedisStore final : public Store, public DeliveryStore {
 public:
  template <class T>
  using Done = Store::Done<T>;

  RedisStore(RedisStoreOptions options, const Clock& clock, EventLoop& loop,
             http::Resolver& resolver, RandomBytes& random)
      : options_(std::move(options)),
        loop_(loop),
        asker_(loop, options_.queue_limit),
        ids_(clock, random),
        node_(formatted("{:016x}", random_number(random))),
        channel_(formatted("sluice:v2:news:{}", options_.settings->options.database)),
        random_(random_number(random)),
        batches_(asker_, ids_) {
    on_loop([&] {
      wire_ = std::make_unique<Wire>(*this, resolver);
      asker_.set_lanes(&wire_->lanes);
      wire_->start(channel_);
      tick();
    });
  }

  ~RedisStore() override {
    on_loop([this] {
      asker_.take_inbox();
      closing_ = true;
      loop_.cancel(timer_);
      wire_->stop();
      asker_.set_lanes(nullptr);
      wire_.reset();
    });
    on_loop([] {});  // what was answered there has been said
  }

  void submit(Executor& home, NewJob job, Done<Submitted> done) override {
    std::string once;
    if (!job.idempotency_key.empty()) once = ask::once(job.owner, job.idempotency_key);
    auto record = new_record(job, once);
    if (!record) return RedisAsker::refuse(home, std::move(done), record.error());
    const bool mirrored = options_.seed && job.callable == options_.seed->callable &&
                          job.format == options_.seed->format;
    if (ask::PutIn::takes(job, mirrored)) {
      return asker_.ask(RedisLane::kPutIn, home, std::move(done),
                        ask::PutIn{ids_, std::move(*record), std::move(job), mirrored});
    }
    asker_.ask(RedisLane::kSubmit, home, std::move(done),
               ask::Submit{ids_, std::move(*record), std::move(job.input), std::move(job.digest)});
  }
  void get(Executor& home, std::string id, Want want, Done<JobView> done) override {
    if (!is_job_id(id)) return RedisAsker::refuse(home, std::move(done), ask::no_such_job(id));
    asker_.ask(RedisLane::kGet, home, std::move(done), ask::Get{std::move(id), want});
  }
  void list(Executor& home, ListQuery query, Done<JobPage> done) override {
    query.limit = std::clamp<std::size_t>(query.limit, 1, kMaxPage);
    step(std::make_shared<ask::Walk>(home, std::move(query), std::move(done)));
  }
  void cancel(Executor& home, std::string id, Done<Job> done) override {
    if (!is_job_id(id)) return RedisAsker::refuse(home, std::move(done), ask::no_such_job(id));
    asker_.ask(RedisLane::kCancel, home, std::move(done), ask::Cancel{std::move(id)});
  }
  void claim(Executor& home, ClaimRequest request, Done<std::vector<Claimed>> done) override {
    asker_.ask(RedisLane::kClaim, home, std::move(done),
               ask::Claim{.request = std::move(request),
                          .lease = options_.policy.lease,
                          .waker = wire_->waker ? &*wire_->waker : nullptr,
                          .shared = options_.seed ? options_.seed->callable : "",
                          .foreign = &options_.on_foreign_id});
  }
  void extend(Executor& home, std::vector<Ticket> tickets, Duration lease,
              Done<std::vector<bool>> done) override {
    asker_.ask(RedisLane::kExtend, home, std::move(done), ask::Extend{std::move(tickets), lease});
  }
  void report_progress(Executor& home, Ticket ticket, Progress progress, Done<void> done) override {
    asker_.ask(RedisLane::kProgress, home, std::move(done),
               ask::Report{std::move(ticket), std::move(progress)});
  }
  void finish(Executor& home, Ticket ticket, Outcome outcome, Done<Job> done) override {
    asker_.ask(RedisLane::kFinish, home, std::move(done),
               ask::Finish{std::move(ticket), std::move(outcome), unit()});
  }
  void pause(Executor& home, std::string callable, bool paused, Done<void> done) override {
    asker_.ask(RedisLane::kPause, home, std::move(done), ask::Pause{std::move(callable), paused});
  }
  void counts(Executor& home, Done<std::vector<QueueCounts>> done) override {
    asker_.ask(RedisLane::kCounts, home, std::move(done), ask::Counts{});
  }

  void claim_deliveries(Executor& home, std::size_t most, Duration lease,
                        Done<std::vector<Delivery>> done) override {
    asker_.ask(RedisLane::kDeliveries, home, std::move(done),
               ask::Deliveries{std::min(most, ask::kMostClaimed), lease});
  }
  void settle_delivery(Executor& home, Ticket delivery, std::optional<Duration> again,
                       Done<void> done) override {
    asker_.ask(RedisLane::kSettle, home, std::move(done), ask::Settle{std::move(delivery), again});
  }
  DeliveryStore* deliveries() override { return this; }
  BatchStore* batches() override { return &batches_; }

  [[nodiscard]] Result<> ready() const override {
    const auto state = wire_->health->read();
    if (!state.up) return fail(state.error);
    const std::scoped_lock lock(trouble_mutex_);
    if (trouble_) return fail(*trouble_);
    return {};
  }
  void set_news(News* news) override { news_.set(news); }

 private:
  // What belongs to the loop's thread: the connections, and what goes over them.
  struct Wire {
    Wire(RedisStore& store, http::Resolver& resolver)
        : connection(store.loop_, resolver,
                     store.setup(
                         store.options_.commands,
                         [&store](const redis::ServerFacts& facts) { store.up(facts); },
                         store.options_.on_down)),
          subscriber(store.loop_, resolver, store.setup(store.options_.subscription),
                     {.on_message = [&store](const redis::Message& said) { store.hear(said); },
                      .on_live = [&store](std::string_view) { store.news_.tell_gap(); }}),
          lanes(connection, store.options_, store.node_, store.channel_,
                {.told = [&store](std::string_view news) { store.news_.tell(news); },
                 .missed = [&store] { store.missed(); },
                 .trouble = [&store](const std::optional<Error>& error) { store.note(error); }}),
          health(connection.health()) {
      if (!store.options_.seed) return;
      waker.emplace(store.loop_, resolver, store.setup(store.options_.blocking),
                    store.options_.seed->key,
                    [&store] { store.news_.tell_ready(store.options_.seed->callable); });
    }
    void start(const std::string& channel) {
      connection.start();
      subscriber.start();
      [[maybe_unused]] const auto subscribed = subscriber.subscribe(channel);
      if (waker) waker->start();
    }
    void stop() {
      if (waker) waker->stop();
      subscriber.stop();
      connection.stop();
    }
    redis::Connection connection;
    redis::Subscriber subscriber;
    RedisLanes lanes;
    std::optional<RedisWaker> waker;
    const std::shared_ptr<const redis::Health> health;  // any thread's
  };

  void step(const std::shared_ptr<ask::Walk>& walk) {
    const auto stepped = [this, walk](Result<bool> whole) {
      if (!whole) return walk->done(fail(whole.error()));
      if (!*whole) {
        if (++walk->steps < kMostSteps) return step(walk);
        return walk->done(fail(ErrorCode::kExhausted,
                               "too many other jobs lie between those that are asked for"));
      }
      walk->page.more = walk->page.jobs.size() > walk->query.limit;
      if (walk->page.more) walk->page.jobs.resize(walk->query.limit);
      walk->done(std::move(walk->page));
    };
    asker_.ask(RedisLane::kList, walk->home, Done<bool>(stepped), ask::List{walk});
  }

  // --- on the loop's thread

  redis::ConnectionSetup setup(const telemetry::RedisMetrics& metrics,
                               std::function<void(const redis::ServerFacts&)> up = {},
                               std::function<void(const Error&)> down = {}) {
    return {.settings = options_.settings,
            .seed = random_.next(),
            .metrics = metrics,
            .on_up = std::move(up),
            .on_down = std::move(down)};
  }

  void tick() {
    timer_ = loop_.run_at(loop_.now() + options_.tend_every, [this] { tick(); });
    if (!wire_->connection.is_up()) return;
    ask_use();
    tend<ask::Tend>(RedisLane::kTend, tending_[0]);
    tend<ask::TendBatches>(RedisLane::kTendBatches, tending_[1]);
  }
  void ask_use() {
    if (!options_.on_info || loop_.now() < next_use_) return;
    next_use_ = loop_.now() + kUseEvery;
    wire_->connection.send(redis::Command("INFO", "memory", "stats", "keyspace"), Deadline::never(),
                           [this](auto reply) {
                             if (reply && !closing_) options_.on_info(reply->text());
                           });
  }
  // In small steps, others between them, until there is nothing to do now.
  template <class Tend>
  void tend(RedisLane lane, bool& tending) {
    if (std::exchange(tending, true)) return;
    asker_.ask(lane, loop_, Done<bool>([this, lane, &tending](Result<bool> more) {
                 tending = false;
                 if (!closing_ && more && *more) tend<Tend>(lane, tending);
               }),
               Tend{});
  }

  void up(const redis::ServerFacts& facts) {
    note(std::nullopt);
    if (options_.on_up) options_.on_up(facts);
  }
  void missed() {
    listen_until_ = loop_.now() + kListenAgain;
    news_.tell_gap();
  }
  void note(const std::optional<Error>& error) {
    if (!error && !in_trouble_) return;
    in_trouble_ = error && error->code == ErrorCode::kUnavailable;
    const std::scoped_lock lock(trouble_mutex_);
    trouble_ = in_trouble_ ? error : std::nullopt;
  }
  void hear(const redis::Message& message) {
    const std::string_view text = message.payload;
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return;
    // Our own is known from the scripts' answers.
    if (text.substr(0, end) == node_ && loop_.now() > listen_until_) return;
    news_.tell(text.substr(end + 1));
  }

  double unit() {
    const std::scoped_lock lock(random_mutex_);
    return random_.unit();
  }
  void on_loop(std::move_only_function<void()> task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  const RedisStoreOptions options_;
  EventLoop& loop_;
  RedisAsker asker_;
  UuidSource ids_;  // of the loop's thread
  const std::string node_;
  const std::string channel_;
  std::mutex random_mutex_;
  Random random_;  // guarded by random_mutex_
  NewsTeller news_;
  RedisBatches batches_;
  mutable std::mutex trouble_mutex_;
  std::optional<Error> trouble_;  // of the last script; guarded by trouble_mutex_

  // Of the loop's thread.
  bool in_trouble_ = false;
  std::array<bool, 2> tending_{};  // to jobs, to batches
  bool closing_ = false;
  TimerId timer_ = 0;
  TimePoint listen_until_{};
  TimePoint next_use_{};
  std::unique_ptr<Wire> wire_;
};

}  // namespace

std::unique_ptr<Store> open_redis_store(RedisStoreOptions options, const Clock& clock,
                                        EventLoop& loop, http::Resolver& resolver,
                                        RandomBytes& random) {
  return std::make_unique<RedisStore>(std::move(options), clock, loop, resolver, random);
}

}  // namespace sluice::jobs
