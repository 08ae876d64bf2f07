#include "runtime/event_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "runtime/io_threads.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(EventLoop, RunsPostedTasksInOrderOnItsOwnThread) {
  EventLoop loop;
  std::vector<int> order;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      loop.post([&order, &loop, i] {
        EXPECT_TRUE(loop.is_current());
        order.push_back(i);
      });
    }
    loop.stop();
  });
  loop.run();
  other.join();
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(EventLoop, RunsTimersWhenDueAndForgetsCancelledOnes) {
  EventLoop loop;
  std::vector<int> fired;
  const TimePoint start = loop.now();
  loop.run_at(start + 3ms, [&] { fired.push_back(2), loop.stop(); });
  loop.run_at(start + 1ms, [&] { fired.push_back(1); });
  const TimerId gone = loop.run_at(start + 2ms, [&] { fired.push_back(99); });
  loop.cancel(gone);
  loop.run();
  EXPECT_EQ(fired, (std::vector{1, 2}));
}

TEST(EventLoop, DeferredTasksRunBeforeItSleeps) {
  EventLoop loop;
  int runs = 0;
  loop.post([&] { loop.defer([&] { loop.defer([&] { ++runs, loop.stop(); }); }); });
  loop.run();
  EXPECT_EQ(runs, 1);
}

struct Reader final : IoHandler {
  EventLoop& loop;
  int fd;
  std::string got;
  explicit Reader(EventLoop& l, int f) : loop(l), fd(f) { loop.watch(fd, *this); }
  void on_io(bool readable, bool) override {
    if (!readable) return;
    std::array<char, 64> buffer;
    while (true) {
      const auto n = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n > 0) {
        got.append(buffer.data(), static_cast<std::size_t>(n));
      } else if (n == 0) {
        loop.forget(fd, *this);
        loop.stop();
        return;
      } else {
        return;
      }
    }
  }
};

TEST(EventLoop, TellsAHandlerWhatArrivesAndThatThePeerClosed) {
  std::array<int, 2> pair;
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  EventLoop loop;
  Reader reader(loop, pair[0]);
  std::thread writer([&] {
    EXPECT_EQ(::send(pair[1], "hello", 5, 0), 5);
    ::close(pair[1]);
  });
  loop.run();
  writer.join();
  EXPECT_EQ(reader.got, "hello");
  ::close(pair[0]);
}

struct Killer final : IoHandler {
  EventLoop* loop = nullptr;
  std::array<Killer, 2>* all = nullptr;
  std::array<int, 2> fds{};
  int calls = 0;
  void on_io(bool readable, bool) override {
    if (!readable) return;
    ++calls;
    for (std::size_t i = 0; i < 2; ++i) loop->forget((*all)[i].fds[0], (*all)[i]);
    loop->stop();
  }
};

TEST(EventLoop, DropsEventsOfAHandlerForgottenInTheSameTurn) {
  EventLoop loop;
  std::array<Killer, 2> killers;
  for (auto& killer : killers) {
    killer.loop = &loop;
    killer.all = &killers;
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, killer.fds.data()), 0);
    ASSERT_EQ(::send(killer.fds[1], "x", 1, 0), 1);
    loop.watch(killer.fds[0], killer);
  }
  loop.run();
  EXPECT_EQ(killers[0].calls + killers[1].calls, 1);
  for (auto& killer : killers) ::close(killer.fds[0]), ::close(killer.fds[1]);
}

TEST(IoThreads, RunAFunctionOnEachLoopAndWaitForAll) {
  IoThreads threads(3);
  std::vector<int> seen(3, 0);
  threads.on_each([&](std::size_t i, EventLoop& loop) {
    EXPECT_TRUE(loop.is_current());
    seen[i] = 1;
  });
  EXPECT_EQ(seen, (std::vector{1, 1, 1}));
}

}  // namespace
}  // namespace sluice
