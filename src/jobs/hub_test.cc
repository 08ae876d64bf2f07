#include "jobs/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/manual_executor.h"

namespace sluice::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HubTest : public ::testing::Test {
 protected:
  Hub::QueueWatch waiter(std::string name, std::vector<std::string> callables) {
    return hub_.watch_queues(std::move(callables), home_,
                             [this, name = std::move(name)] { told_.push_back(name); });
  }
  std::vector<std::string> told() {
    home_.run_ready();
    return std::exchange(told_, {});
  }
  Hub hub_;
  ManualExecutor home_;
  std::vector<std::string> told_;
};

TEST_F(HubTest, TellsOneOfThoseWhoWaitForAQueueInTurn) {
  const auto a = waiter("a", {"x"});
  const auto b = waiter("b", {"x", "y"});
  hub_.on_ready("x");
  EXPECT_THAT(told(), ElementsAre("a"));
  hub_.on_ready("x");
  EXPECT_THAT(told(), ElementsAre("b"));
  hub_.on_ready("x");
  EXPECT_THAT(told(), ElementsAre("a"));
  hub_.on_ready("y");
  EXPECT_THAT(told(), ElementsAre("b"));
  hub_.on_ready("z");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(HubTest, TellsTheNextOneWhileTheFirstHasNotLooked) {
  const auto a = waiter("a", {"x"});
  const auto b = waiter("b", {"x"});
  hub_.on_ready("x");
  hub_.on_ready("x");
  hub_.on_ready("x");  // both will look when this can be seen
  EXPECT_THAT(told(), ElementsAre("a", "b"));
}

TEST_F(HubTest, HandsOnWhatAWatcherWasToldAndDidNotActOn) {
  auto a = waiter("a", {"x"});
  const auto b = waiter("b", {"x"});
  hub_.on_ready("x");
  a.stop();
  EXPECT_THAT(told(), ElementsAre("b"));
}

TEST_F(HubTest, HandsOnWhenAsked) {
  const auto a = waiter("a", {"x"});
  const auto b = waiter("b", {"x"});
  hub_.on_ready("x");
  EXPECT_THAT(told(), ElementsAre("a"));
  hub_.pass_on("x");
  EXPECT_THAT(told(), ElementsAre("b"));
}

TEST_F(HubTest, TellsNobodyWhoHasStopped) {
  auto a = waiter("a", {"x"});
  a.stop();
  hub_.on_ready("x");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(HubTest, TellsAllWhenNewsMayHaveBeenMissedOrTheProcessEnds) {
  const auto a = waiter("a", {"x"});
  const auto b = waiter("b", {"y"});
  const auto job = hub_.watch("1", home_, [this](const auto&) { told_.emplace_back("job"); });
  hub_.on_gap();
  EXPECT_THAT(told(), ::testing::UnorderedElementsAre("a", "b", "job"));
  EXPECT_FALSE(hub_.ending());
  hub_.end_waits();
  EXPECT_TRUE(hub_.ending());
  EXPECT_THAT(told(), ::testing::UnorderedElementsAre("a", "b", "job"));
}

}  // namespace
}  // namespace sluice::jobs
