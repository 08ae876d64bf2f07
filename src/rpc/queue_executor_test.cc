#include "rpc/queue_executor.h"

#include <grpcpp/completion_queue.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>

namespace sluice::rpc {
namespace {

// A queue belongs to a server, even when nobody calls it.
class QueueExecutorTest : public ::testing::Test {
 protected:
  QueueExecutorTest() {
    grpc::ServerBuilder builder;
    executor_ = std::make_unique<QueueExecutor>(builder.AddCompletionQueue());
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    thread_ = std::thread([this] { executor_->run(); });
  }
  ~QueueExecutorTest() override {
    server_->Shutdown();
    executor_->close();
    thread_.join();
  }

  std::unique_ptr<QueueExecutor> executor_;
  std::unique_ptr<grpc::Server> server_;
  std::thread thread_;
};

TEST_F(QueueExecutorTest, RunsPostedTasksInOrderOnItsThread) {
  EXPECT_FALSE(executor_->is_current());
  std::vector<int> seen;
  std::promise<bool> done;
  for (int i = 0; i < 1000; ++i) executor_->post([&seen, i] { seen.push_back(i); });
  executor_->post([&] { done.set_value(executor_->is_current()); });
  EXPECT_TRUE(done.get_future().get());
  ASSERT_EQ(seen.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST_F(QueueExecutorTest, ATaskMayPostAnother) {
  std::promise<void> done;
  executor_->post([&] { executor_->post([&] { done.set_value(); }); });
  done.get_future().wait();
}

TEST_F(QueueExecutorTest, RunsTimersWhenDueAndNotWhenCancelled) {
  std::promise<std::vector<int>> done;
  std::vector<int> seen;
  TimePoint due;
  executor_->post([&] {
    const TimePoint now = executor_->now();
    due = now + std::chrono::milliseconds(20);
    executor_->run_at(due, [&] {
      EXPECT_GE(executor_->now(), due);
      seen.push_back(2);
      done.set_value(seen);
    });
    executor_->run_at(now + std::chrono::milliseconds(10), [&] { seen.push_back(1); });
    executor_->cancel(executor_->run_at(now, [&] { seen.push_back(0); }));
  });
  EXPECT_EQ(done.get_future().get(), (std::vector<int>{1, 2}));
}

TEST_F(QueueExecutorTest, ATaskPostedAfterCloseIsDroppedWithTheExecutor) {
  server_->Shutdown();
  executor_->close();
  bool ran = false;
  executor_->post([&ran] { ran = true; });
  EXPECT_FALSE(ran);
}

TEST_F(QueueExecutorTest, ClosesOnlyWhenNobodyStays) {
  std::optional<Executor::Stay> stay(*executor_);
  server_->Shutdown();
  executor_->close();
  std::promise<void> posted;
  executor_->post([&] { posted.set_value(); });
  posted.get_future().wait();
  std::promise<void> last;
  executor_->post([&] { last.set_value(); });
  stay.reset();
  last.get_future().wait();  // what was posted before has run all the same
}

}  // namespace
}  // namespace sluice::rpc
