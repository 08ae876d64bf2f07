// A loop on a thread of its own, and what tests of connections ask it. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "http/client/resolver.h"
#include "redis/connection.h"
#include "redis/fake_server.h"
#include "runtime/io_threads.h"

namespace sluice::redis {

// What came so far, for a thread that waits for it.
template <class T>
class Mailbox {
 public:
  void put(T item) {
    const std::scoped_lock lock(mutex_);
    items_.push_back(std::move(item));
    changed_.notify_all();
  }
  // The next item; none, and a failure of the test, when it takes far too long.
  std::optional<T> take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(30), [&] { return !items_.empty(); })) {
      ADD_FAILURE() << "nothing came";
      return std::nullopt;
    }
    T item = std::move(items_.front());
    items_.erase(items_.begin());
    return item;
  }
  [[nodiscard]] bool empty() {
    const std::scoped_lock lock(mutex_);
    return items_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> items_;
};

// Answers from a table, at once.
class NameTable final : public http::Resolver {
 public:
  void resolve(const std::string& host, Executor&, Done done) override {
    const auto it = table.find(host);
    if (it == table.end()) return done(fail(unavailable("cannot resolve the host '" + host + "'")));
    done(http::Addresses{*http::Address::parse(it->second, 0)});
  }
  std::map<std::string, std::string> table;
};

class RedisTest : public testing::Test {
 protected:
  ~RedisTest() override {
    end();
    threads_.stop();
  }
  // Called by the destructor of a fixture whose members the servers and callbacks use. What a test
  // body gives them to use must be theirs too (a shared pointer), since they outlive it.
  void end() {
    run([&] {
      connections_.clear();
      servers_.clear();
    });
  }

  EventLoop& loop() { return threads_.loop(0); }
  // Runs on the loop's thread, and gives what came of it.
  template <class F>
  std::invoke_result_t<F&> run(F f) {
    std::packaged_task<std::invoke_result_t<F&>()> task(std::move(f));
    auto result = task.get_future();
    loop().post([&] { task(); });
    return result.get();
  }

  // Polite, but for what `on_command` answers itself (it returns true then).
  FakeServer& serve(
      std::function<bool(FakeServer::Peer&, const FakeServer::Words&)> on_command = nullptr) {
    return *run([&] {
      const auto self = std::make_shared<FakeServer*>();
      servers_.push_back(std::make_unique<FakeServer>(
          loop(), [self, on_command = std::move(on_command)](auto& peer, const auto& words) {
            if (!on_command || !on_command(peer, words)) (*self)->be_polite(peer, words);
          }));
      return *self = servers_.back().get();
    });
  }

  static RedisOptions options_for(const std::string& address) {
    RedisOptions options;
    options.address = address;
    options.reconnect = {.first = std::chrono::milliseconds(5),
                         .most = std::chrono::milliseconds(20)};
    return options;
  }
  ConnectionSetup setup(const RedisOptions& options) {
    auto settings = Settings::from(options);
    EXPECT_TRUE(settings) << settings.error().message;
    return {.settings = *settings,
            .seed = 1,
            .on_up = [this](const ServerFacts& facts) { ups_.put(facts); },
            .on_down = [this](const Error& why) { downs_.put(why); }};
  }
  Connection& connect(const RedisOptions& options) {
    return *run([&] {
      connections_.push_back(std::make_unique<Connection>(loop(), names_, setup(options)));
      connections_.back()->start();
      return connections_.back().get();
    });
  }
  // Connected when it returns.
  Connection& connected(const RedisOptions& options) {
    Connection& connection = connect(options);
    ups_.take();
    return connection;
  }

  // Waits until it is said to be down for this reason.
  void down_with(std::string_view reason) {
    while (auto why = downs_.take()) {
      if (why->message.contains(reason)) return;
    }
  }
  // Sends, and gives the answer when it has come.
  std::future<Answer> send(Connection& connection, const Command& command,
                           Duration timeout = std::chrono::hours(1)) {
    auto promise = std::make_shared<std::promise<Answer>>();
    auto answer = promise->get_future();
    run([&] {
      connection.send(command, Deadline(loop().now() + timeout),
                      [promise](Answer got) { promise->set_value(std::move(got)); });
    });
    return answer;
  }
  Answer ask(Connection& connection, const Command& command) {
    return send(connection, command).get();
  }

  IoThreads threads_{1};
  NameTable names_;
  std::vector<std::unique_ptr<FakeServer>> servers_;
  std::vector<std::unique_ptr<Connection>> connections_;
  Mailbox<ServerFacts> ups_;
  Mailbox<Error> downs_;
};

}  // namespace sluice::redis
