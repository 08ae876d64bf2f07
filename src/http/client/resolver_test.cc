#include "http/client/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/event_loop.h"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

Addresses ips(std::initializer_list<std::string> list) {
  Addresses all;
  for (const std::string& ip : list) all.push_back(*Address::parse(ip, 0));
  return all;
}

// Answers each question when the test says so.
class Script {
 public:
  Result<Addresses> operator()(const std::string&) {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !answers_.empty(); });
    auto answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  void answer(Result<Addresses> result) {
    const std::scoped_lock lock(mutex_);
    answers_.push_back(std::move(result));
    changed_.notify_all();
  }
  int asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Result<Addresses>> answers_;
  int asked_ = 0;
};

class CachedNames : public testing::Test {
 protected:
  std::unique_ptr<CachingResolver> make(CachingResolver::Options options = {}) {
    return std::make_unique<CachingResolver>(
        options, clock_, [this](const std::string& host) { return script_(host); });
  }
  // Asks, and runs the loop until the answer is there.
  Result<Addresses> ask(Resolver& resolver, const std::string& host = "name") {
    std::optional<Result<Addresses>> got;
    loop_.post([&] {
      resolver.resolve(host, loop_, [&](Result<Addresses> result) {
        got = std::move(result);
        loop_->stop();
      });
    });
    loop_.run_until_stopped();
    return *got;
  }

  // A loop that can be run again.
  struct Loop {
    std::unique_ptr<EventLoop> loop = std::make_unique<EventLoop>();
    operator EventLoop&() { return *loop; }
    EventLoop* operator->() { return loop.get(); }
    void post(Task task) { loop->post(std::move(task)); }
    void run_until_stopped() {
      loop->run();
      old.push_back(std::move(loop));
      loop = std::make_unique<EventLoop>();
    }
    std::vector<std::unique_ptr<EventLoop>> old;
  };
  Loop loop_;
  ManualClock clock_;
  Script script_;
};

TEST_F(CachedNames, AreAskedForOnceWithinTheirTime) {
  auto resolver = make();
  script_.answer(ips({"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(ask(*resolver), ips({"10.0.0.1", "10.0.0.2"}));
  clock_.advance(4s);
  EXPECT_EQ(ask(*resolver), ips({"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(script_.asked(), 1);
}

TEST_F(CachedNames, AreAnsweredFromMemoryWhileTheyAreAskedForAgain) {
  auto resolver = make({.threads = 1});
  script_.answer(ips({"10.0.0.1"}));
  EXPECT_EQ(ask(*resolver), ips({"10.0.0.1"}));
  clock_.advance(6s);
  EXPECT_EQ(ask(*resolver), ips({"10.0.0.1"}));
  script_.answer(ips({"10.0.0.9"}));
  script_.answer(ips({"10.0.0.5"}));
  EXPECT_EQ(ask(*resolver, "other"), ips({"10.0.0.5"}));  // one thread: the refresh is done
  EXPECT_EQ(ask(*resolver), ips({"10.0.0.9"}));
}

TEST_F(CachedNames, OutliveANameServerThatFailsForAWhile) {
  auto resolver = make({.threads = 1});
  script_.answer(ips({"10.0.0.1"}));
  EXPECT_TRUE(ask(*resolver));
  clock_.advance(10s);
  EXPECT_TRUE(ask(*resolver));
  script_.answer(fail(unavailable("no server")));
  script_.answer(ips({"10.0.0.5"}));
  EXPECT_TRUE(ask(*resolver, "other"));
  EXPECT_EQ(ask(*resolver), ips({"10.0.0.1"}));
  clock_.advance(60s);  // now it is too old
  script_.answer(fail(unavailable("no server")));
  const auto result = ask(*resolver);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "no server");
}

TEST_F(CachedNames, ThatDoNotExistAreBelievedNotToForASecond) {
  auto resolver = make();
  script_.answer(fail(unavailable("no such name")));
  EXPECT_FALSE(ask(*resolver));
  EXPECT_FALSE(ask(*resolver));
  EXPECT_EQ(script_.asked(), 1);
  clock_.advance(1s);
  script_.answer(ips({"10.0.0.1"}));
  EXPECT_TRUE(ask(*resolver));
}

TEST_F(CachedNames, ShareOneQuestionAndAreBoundedInWaiters) {
  auto resolver = make({.max_waiting = 2});
  std::vector<ErrorCode> errors;
  int good = 0;
  loop_.post([&] {
    for (int i = 0; i < 3; ++i) {
      resolver->resolve("name", loop_, [&](Result<Addresses> result) {
        if (!result) errors.push_back(result.error().code);
        if (result && ++good == 2) loop_->stop();
      });
    }
    EXPECT_THAT(errors, ElementsAre(ErrorCode::kExhausted));
    script_.answer(ips({"10.0.0.1"}));
  });
  loop_.run_until_stopped();
  EXPECT_EQ(script_.asked(), 1);
}

TEST_F(CachedNames, AreForgottenBeyondTheirNumber) {
  auto resolver = make({.max_names = 2});
  for (const char* host : {"a", "b", "c"}) {
    clock_.advance(1ms);
    script_.answer(ips({"10.0.0.1"}));
    EXPECT_TRUE(ask(*resolver, host));
  }
  EXPECT_EQ(resolver->names(), 2U);
  EXPECT_TRUE(ask(*resolver, "b"));
  EXPECT_EQ(script_.asked(), 3);
}

TEST_F(CachedNames, AreNotNeededForAddresses) {
  auto resolver = make();
  bool answered = false;
  resolver->resolve("::1", loop_, [&](Result<Addresses> result) {
    answered = true;
    EXPECT_EQ(result, ips({"::1"}));
  });
  EXPECT_TRUE(answered);
  EXPECT_EQ(script_.asked(), 0);
}

TEST(SystemLookup, FindsTheMachineItselfAndSaysWhatItCannotFind) {
  const auto self = system_lookup("localhost");
  ASSERT_TRUE(self) << self.error().message;
  EXPECT_FALSE(self->empty());
  const auto none = system_lookup("no_such_host.invalid");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(none.error().message, HasSubstr("cannot resolve the host 'no_such_host.invalid'"));
}

}  // namespace
}  // namespace sluice::http
