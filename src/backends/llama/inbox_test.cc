#include "backends/llama/inbox.h"

#include <gtest/gtest.h>

#include <thread>

#include "backends/llama/testing_home.h"

namespace sluice::llama {
namespace {

using testing::Caller;
using testing::Home;

class InboxTest : public ::testing::Test {
 protected:
  struct Asked {
    Caller caller;
    std::shared_ptr<EngineCall> call;
  };

  std::unique_ptr<Asked> submit() {
    auto asked = std::make_unique<Asked>();
    const Call call{.home = &home_};
    asked->call =
        std::make_shared<EngineCall>(call, make_request(GenerateRequest{}), asked->caller);
    Inbox::submit(inbox_, asked->call, "m");
    return asked;
  }
  void wait(Asked& asked) {
    home_.run_until([&] { return asked.caller.done(); });
  }
  // Ends what is still open, so that nothing outlives the test.
  void end(Asked& asked) {
    asked.call->end(fail(internal("over")), {}, {});
    wait(asked);
  }

  Home home_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>(2);
};

TEST_F(InboxTest, HoldsACallUntilItsEndAndRefusesOneTooMany) {
  const auto first = submit();
  const auto second = submit();
  const auto third = submit();
  wait(*third);
  EXPECT_EQ(third->caller.code(), ErrorCode::kExhausted);
  EXPECT_EQ(third->caller.result->error().retry_after, std::chrono::seconds(1));
  EXPECT_EQ(inbox_->take().size(), 2U);
  const auto fourth = submit();
  wait(*fourth);
  EXPECT_EQ(fourth->caller.code(), ErrorCode::kExhausted) << "taken, they are still here";
  inbox_->done();
  const auto fifth = submit();
  EXPECT_EQ(inbox_->take().size(), 1U);
  for (const auto* asked : {&first, &second, &fifth}) end(**asked);
}

TEST_F(InboxTest, EndsWhatComesAfterTheEnd) {
  const auto before = submit();
  inbox_->close();
  EXPECT_FALSE(inbox_->wait([] {}));
  inbox_->refuse_rest(unavailable("gone"));
  wait(*before);
  EXPECT_EQ(before->caller.code(), ErrorCode::kUnavailable);
  const auto after = submit();
  wait(*after);
  EXPECT_EQ(after->caller.code(), ErrorCode::kUnavailable);
}

TEST_F(InboxTest, GivesAStepUpWhenMostOfItIsForNobody) {
  struct Case {
    const char* what;
    Inbox::StepShares (*shares)(EngineCall* leaves, EngineCall* stays);
    bool stops;
  };
  const Case cases[] = {
      {"the smaller part",
       [](auto* leaves, auto* stays) -> Inbox::StepShares { return {{leaves, 1}, {stays, 2}}; },
       false},
      {"half",
       [](auto* leaves, auto* stays) -> Inbox::StepShares { return {{leaves, 2}, {stays, 2}}; },
       true},
      {"two sequences of one call",
       [](auto* leaves, auto* stays) -> Inbox::StepShares {
         return {{leaves, 2}, {stays, 3}, {leaves, 2}};
       },
       true},
      {"none of it",
       [](auto* /*leaves*/, auto* stays) -> Inbox::StepShares { return {{stays, 3}}; }, false},
  };
  for (const Case& c : cases) {
    for (const bool leaves_before : {false, true}) {
      inbox_ = std::make_shared<Inbox>(2);
      const auto leaves = submit();
      const auto stays = submit();
      if (leaves_before) leaves->call->cancel();
      inbox_->begin_step(c.shares(leaves->call.get(), stays->call.get()));
      if (!leaves_before) leaves->call->cancel();
      EXPECT_EQ(inbox_->stop_step(), c.stops) << c.what << leaves_before;
      inbox_->end_step();
      inbox_->begin_step({{stays->call.get(), 1}});
      EXPECT_FALSE(inbox_->stop_step()) << "the next step is for somebody";
      inbox_->end_step();
      end(*stays);
    }
  }
}

TEST_F(InboxTest, WakesItsThreadForACallAndForOneThatLeaves) {
  std::atomic<int> woken = 0;
  std::atomic<int> resting = 0;
  std::jthread engine([&] {
    while (inbox_->wait([&] { ++resting; })) {
      inbox_->take();
      ++woken;
    }
  });
  const auto is = [&](std::atomic<int>& count, int wanted) {
    while (count < wanted) std::this_thread::yield();
  };
  is(resting, 1);
  const auto asked = submit();
  is(woken, 1);
  is(resting, 2);
  asked->call->cancel();
  is(woken, 2);
  inbox_->close();
}

}  // namespace
}  // namespace sluice::llama
