#include "runtime/per_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "runtime/manual_executor.h"

namespace sluice {
namespace {

struct Own {
  Own(EventLoop& on, std::atomic<int>& at_home) : loop(on), destroyed_at_home(at_home) {}
  ~Own() {
    if (loop.is_current()) ++destroyed_at_home;
  }
  Own(const Own&) = delete;
  Own& operator=(const Own&) = delete;
  EventLoop& loop;
  std::atomic<int>& destroyed_at_home;
};

TEST(PerLoop, GivesEachIoThreadItsOwnAndOthersOneInTurn) {
  std::atomic<int> at_home = 0;
  IoThreads io(3);
  const PerLoop<Own> each(io,
                          [&](EventLoop& loop) { return std::make_shared<Own>(loop, at_home); });
  for (std::size_t i = 0; i < io.size(); ++i) {
    EXPECT_EQ(&each.at(&io.loop(i))->loop, &io.loop(i));
  }
  const ManualExecutor elsewhere;
  for (const Executor* home : std::initializer_list<const Executor*>{nullptr, &elsewhere}) {
    std::set<const Own*> given;
    for (std::size_t i = 0; i < io.size(); ++i) given.insert(each.at(home).get());
    EXPECT_EQ(given.size(), io.size());
  }
}

TEST(PerLoop, HasEachDestroyedByItsThread) {
  std::atomic<int> at_home = 0;
  IoThreads io(3);
  {
    const PerLoop<Own> each(io,
                            [&](EventLoop& loop) { return std::make_shared<Own>(loop, at_home); });
  }
  io.on_each([](std::size_t, EventLoop&) {});  // what was posted before has run then
  EXPECT_EQ(at_home, 3);
}

}  // namespace
}  // namespace sluice
