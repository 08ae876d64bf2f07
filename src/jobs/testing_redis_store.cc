#include "jobs/testing_redis_store.h"

#include <gtest/gtest.h>

namespace sluice::jobs::testing {

namespace {

constexpr Duration kTend = std::chrono::milliseconds(1);

std::unique_ptr<StoreHarness> make(const char* program) {
  return std::make_unique<RedisHarness>(program, std::nullopt);
}

}  // namespace

RedisHarness::RedisHarness(const std::string& program, std::optional<SeedQueue> seed)
    : server_(program, {"appendonly yes", "appendfsync always", "save \"\""}),
      seed_(std::move(seed)) {
  open();
}

RedisHarness::~RedisHarness() {
  close();
}

void RedisHarness::close() {
  for (auto& store : stores_) store.reset();
  if (!plain_) return;
  wait_for<void>([&](auto done) {
    timers_.loop.post([&, done = std::move(done)]() mutable {
      plain_.reset();
      done({});
    });
  });
}

std::unique_ptr<Store> RedisHarness::make_store() {
  redis::RedisOptions options;
  options.address = server_.address();
  // The server syncs with every write: a busy disk is not a server that is away.
  options.connect_timeout = std::chrono::seconds(12);
  options.command_timeout = std::chrono::seconds(12);
  options.response_timeout = std::chrono::seconds(15);
  options.reconnect = {.first = kTend, .most = kTend * 20};
  auto settings = redis::Settings::from(options);
  EXPECT_TRUE(settings) << settings.error().message;
  return open_redis_store({.settings = *settings,
                           .seed = seed_,
                           .tend_every = kTend,
                           .on_foreign_id = [this](auto id) { foreign_ids_.emplace_back(id); },
                           .time = [this] { return wall(); }},
                          clock_, timers_.loop, resolver_, random_);
}

void RedisHarness::open() {
  for (auto& store : stores_) {
    store = make_store();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!store->ready() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    ASSERT_TRUE(store->ready()) << store->ready().error().message << "\n" << server_.log();
  }
}

void RedisHarness::reopen() {
  close();
  server_.kill();
  server_.start();
  open();
}

void RedisHarness::pass(Duration time) {
  time_.advance(time);
  // The next look at the queues begins after this change, and the one after it has ended then.
  for (int i = 0; i < 3; ++i) {
    std::promise<void> ticked;
    timers_.loop.post(
        [&] { timers_.loop.run_at(timers_.loop.now() + kTend, [&] { ticked.set_value(); }); });
    ticked.get_future().wait();
    (void)counts();
  }
}

WallTime RedisHarness::wall() const {
  return std::chrono::floor<std::chrono::milliseconds>(time_.wall());
}

redis::Reply RedisHarness::ask(const redis::Command& command) {
  std::promise<redis::Answer> promise;
  timers_.loop.post([&] {
    if (!plain_) {
      redis::RedisOptions options;
      options.address = server_.address();
      options.command_timeout = std::chrono::seconds(12);
      options.response_timeout = std::chrono::seconds(15);
      plain_ = std::make_unique<redis::Connection>(
          timers_.loop, resolver_,
          redis::ConnectionSetup{
              .settings = *redis::Settings::from(options),
              .on_up = [this](const redis::ServerFacts&) { plain_is_up_.set_value(); }});
      plain_->start();
    }
  });
  if (!std::exchange(plain_was_up_, true)) plain_is_up_.get_future().wait();
  timers_.loop.post([&] {
    plain_->send(command, Deadline::never(),
                 [&](redis::Answer answer) { promise.set_value(std::move(answer)); });
  });
  redis::Answer answer = promise.get_future().get();
  EXPECT_TRUE(answer) << answer.error().error.message;
  return answer ? std::move(*answer) : redis::Reply();
}

std::unique_ptr<StoreHarness> make_redis_harness() {
  return make("redis-server");
}
std::unique_ptr<StoreHarness> make_valkey_harness() {
  return make("valkey-server");
}

}  // namespace sluice::jobs::testing
