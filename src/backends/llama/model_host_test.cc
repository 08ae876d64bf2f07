#include "backends/llama/model_host.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "backends/llama/testing_home.h"

namespace sluice::llama {
namespace {

using testing::Caller;
using testing::Home;

Description prompts(const std::string& name) {
  return {.name = name, .takes = RequestKind::kGenerate};
}

// Answers at once, or when it is told to.
class FakeModel final : public Callable {
 public:
  FakeModel(std::string name, std::atomic<int>& alive, bool at_once)
      : description_(prompts(name)), alive_(alive), at_once_(at_once) {
    ++alive_;
  }
  ~FakeModel() override { --alive_; }
  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request& /*request*/) const override { return {}; }
  CancelHandle start(const Call& /*call*/, RequestPtr /*request*/, Sink& sink) override {
    if (at_once_) {
      answer(sink);
    } else {
      waiting_ = &sink;
    }
    return {};
  }
  [[nodiscard]] bool is_asked() const { return waiting_ != nullptr; }
  void answer() { answer(*std::exchange(waiting_, nullptr)); }

 private:
  void answer(Sink& sink) {
    sink.on_result(GenerateResponse{.model = description_.name, .choices = {Choice{}}});
  }
  const Description description_;
  std::atomic<int>& alive_;
  const bool at_once_;
  Sink* waiting_ = nullptr;
};

class ModelHostTest : public ::testing::Test {
 protected:
  void make(std::uint64_t budget) {
    host_ = std::make_shared<ModelHost>(ModelHost::Services{pool_, home_, home_clock_}, budget);
  }
  std::shared_ptr<HostedModel> add(const std::string& name, std::uint64_t bytes,
                                   Duration keep_alive = Duration(-1), bool at_once = true) {
    auto load = [this, name, at_once]() -> Result<CallablePtr> {
      if (hold_) held_.get_future().wait();
      ++loads_;
      if (broken_) return fail(unavailable("the file is gone"));
      last_ = std::make_shared<FakeModel>(name, alive_, at_once);
      return CallablePtr(last_);
    };
    return host_->add({.name = name,
                       .description = prompts(name),
                       .bytes = bytes,
                       .keep_alive = keep_alive,
                       .load = load});
  }
  CancelHandle ask(const CallablePtr& model, Caller& caller, Deadline deadline = {},
                   std::optional<Duration> keep_alive = {}) {
    GenerateRequest request;
    request.keep_alive = keep_alive;
    const Call call{.home = &home_, .deadline = deadline};
    return model->start(call, make_request(std::move(request)), caller);
  }
  void wait(Caller& caller) {
    home_.run_until([&] { return caller.done(); });
  }
  // What the loader was given has been done.
  void pool_wait() {
    std::promise<void> done;
    Task task = [&] { done.set_value(); };
    ASSERT_TRUE(pool_.submit(task));
    done.get_future().wait();
  }
  void answered(const CallablePtr& model) {
    Caller caller;
    ask(model, caller);
    wait(caller);
    ASSERT_TRUE(*caller.result) << caller.result->error().message;
  }

  ManualClock home_clock_;
  Home home_;
  std::atomic<int> alive_ = 0;
  std::atomic<int> loads_ = 0;
  std::atomic<bool> broken_ = false;
  std::atomic<bool> hold_ = false;
  std::promise<void> held_;
  std::shared_ptr<FakeModel> last_;
  ComputePool pool_{{1, 64}};
  std::shared_ptr<ModelHost> host_;
};

TEST_F(ModelHostTest, AModelIsLoadedForTheFirstCallAndStays) {
  make(0);
  const auto model = add("a", 10);
  answered(model);
  answered(model);
  EXPECT_EQ(loads_, 1);
  EXPECT_TRUE(model->loaded());
  EXPECT_FALSE(model->leaves_in());
  EXPECT_EQ(model->bytes(), 10U);
}

TEST_F(ModelHostTest, CallsThatComeWhileItIsLoadedWaitForIt) {
  make(0);
  const auto model = add("a", 10);
  hold_ = true;
  std::vector<Caller> callers(3);
  for (Caller& caller : callers) ask(model, caller);
  EXPECT_FALSE(callers[0].done());
  held_.set_value();
  for (Caller& caller : callers) {
    wait(caller);
    EXPECT_GT(caller.answer().times.load, Duration::zero());
  }
  EXPECT_EQ(loads_, 1);
}

TEST_F(ModelHostTest, WhyItCouldNotBeLoadedIsTold) {
  make(0);
  const auto model = add("a", 10);
  broken_ = true;
  Caller caller;
  ask(model, caller);
  wait(caller);
  EXPECT_EQ(caller.result->error(), unavailable("the file is gone"));
  broken_ = false;
  answered(model);
}

TEST_F(ModelHostTest, OneMakesRoomForAnother) {
  make(100);
  const auto a = add("a", 60);
  const auto b = add("b", 60);
  answered(a);
  last_ = nullptr;
  answered(b);
  pool_wait();
  EXPECT_EQ(alive_, 1);
  EXPECT_FALSE(a->loaded());
  EXPECT_TRUE(b->loaded());
  answered(a);
  EXPECT_EQ(loads_, 3);
}

TEST_F(ModelHostTest, ACallWaitsForRoomUntilNobodyUsesIt) {
  make(100);
  const auto a = add("a", 60, Duration(-1), false);
  const auto b = add("b", 60);
  Caller first;
  ask(a, first);
  home_.run_until([&] { return a->loaded() && loads_ == 1; });
  // The call has begun once its task has run.
  bool begun = false;
  home_.post([&] { begun = true; });
  home_.run_until([&] { return begun; });
  Caller second;
  ask(b, second);
  EXPECT_EQ(loads_, 1);
  std::exchange(last_, nullptr)->answer();
  EXPECT_TRUE(first.done());
  wait(second);
  EXPECT_EQ(second.answer().model, "b");
}

TEST_F(ModelHostTest, OneThatNeverFitsIsRefused) {
  make(100);
  Caller caller;
  ask(add("a", 101), caller);
  ASSERT_TRUE(caller.done());
  EXPECT_EQ(caller.code(), ErrorCode::kUnavailable);
}

TEST_F(ModelHostTest, AtTheStartNothingIsLoadedBesideWhatFillsTheBudget) {
  make(100);
  const auto a = add("a", 60);
  const auto b = add("b", 60);
  ASSERT_TRUE(a->load_if_room());
  ASSERT_TRUE(b->load_if_room());
  EXPECT_TRUE(a->loaded());
  EXPECT_FALSE(b->loaded());
  EXPECT_EQ(loads_, 1) << "not even for a moment";
  last_ = nullptr;
  answered(b);
  pool_wait();
  EXPECT_EQ(alive_, 1);
  EXPECT_FALSE(a->loaded());
}

TEST_F(ModelHostTest, WhyOneCouldNotBeLoadedAtTheStartIsTold) {
  make(0);
  const auto model = add("a", 10);
  broken_ = true;
  EXPECT_EQ(model->load_if_room().error(), unavailable("the file is gone"));
  EXPECT_FALSE(model->loaded());
}

TEST_F(ModelHostTest, HowLongAnIdleModelStaysCanChangeWhileItIsThere) {
  make(0);
  const auto model = add("a", 10);
  answered(model);
  EXPECT_FALSE(model->leaves_in());
  model->set_keep_alive(std::chrono::minutes(5));
  EXPECT_EQ(model->leaves_in(), std::chrono::minutes(5));
  home_clock_.advance(std::chrono::minutes(2));
  model->set_keep_alive(std::chrono::minutes(3));
  EXPECT_EQ(model->leaves_in(), std::chrono::minutes(1)) << "since its last call";
  EXPECT_EQ(loads_, 1);
}

TEST_F(ModelHostTest, OneThatIsAlwaysInUseMakesRoomInTheEnd) {
  make(100);
  const auto a = add("a", 60, Duration(-1), false);
  const auto b = add("b", 60);
  Caller first;
  ask(a, first);
  home_.run_until([&] { return a->loaded() && last_ != nullptr && last_->is_asked(); });
  Caller second;
  ask(b, second);
  home_clock_.advance(std::chrono::seconds(11));
  Caller third;
  ask(a, third);  // would keep it in use
  std::exchange(last_, nullptr)->answer();
  wait(second);
  EXPECT_EQ(second.answer().model, "b");
  home_.run_until([&] { return a->loaded() && last_ != nullptr && last_->is_asked(); });
  last_->answer();
  EXPECT_TRUE(third.done()) << "and is there again for who waits for it";
}

TEST_F(ModelHostTest, AnIdleModelLeavesMemoryWhenItsTimeIsOver) {
  make(0);
  const auto model = add("a", 10, std::chrono::minutes(5));
  answered(model);
  last_ = nullptr;
  bool armed = false;
  home_.post([&] { armed = true; });
  home_.run_until([&] { return armed; });
  EXPECT_EQ(model->leaves_in(), std::chrono::minutes(5));
  home_clock_.advance(std::chrono::minutes(5));
  home_.fire();
  EXPECT_FALSE(model->loaded());
  EXPECT_EQ(model->leaves_in(), Duration::zero());
  answered(model);
  EXPECT_EQ(loads_, 2);
}

TEST_F(ModelHostTest, WhoOnlyDropsAModelThatIsNotThereIsAnsweredAndNothingIsLoaded) {
  make(100);
  const auto a = add("a", 60);
  const auto b = add("b", 60);
  answered(a);
  const auto drop = [&](Caller& caller) {
    GenerateRequest request;
    request.prompt = " ";
    request.max_tokens = 0;
    request.keep_alive = Duration::zero();
    b->start({.home = &home_}, make_request(std::move(request)), caller);
  };
  Caller out;
  drop(out);
  ASSERT_TRUE(out.done());
  EXPECT_EQ(out.answer().model, "b");
  EXPECT_EQ(out.answer().choices.size(), 1U);
  EXPECT_TRUE(a->loaded());
  hold_ = true;
  Caller wants;
  ask(b, wants);
  Caller loading;
  drop(loading);
  EXPECT_TRUE(loading.done());
  held_.set_value();
  wait(wants);
  EXPECT_EQ(loads_, 2);
  EXPECT_TRUE(b->loaded());
  Caller there;
  drop(there);
  wait(there);
  EXPECT_EQ(b->leaves_in(), Duration::zero()) << "it goes as soon as the timers run";
}

TEST_F(ModelHostTest, WhoOnlyDropsAnEncoderThatIsNotThereIsAnsweredAsWell) {
  make(0);
  const auto encoder =
      host_->add({.name = "e",
                  .description = {.name = "e", .takes = RequestKind::kEmbed},
                  .bytes = 10,
                  .load = []() -> Result<CallablePtr> { return fail(internal("it is loaded")); }});
  struct : Sink {
    std::optional<Result<Response>> result;
    void on_result(Result<Response> r) override { result = std::move(r); }
  } asker;
  encoder->start({.home = &home_}, make_request(EmbedRequest{.keep_alive = Duration::zero()}),
                 asker);
  ASSERT_TRUE(asker.result && *asker.result);
  EXPECT_TRUE(std::get<EmbedResponse>(**asker.result).vectors.empty());
}

TEST_F(ModelHostTest, WhoComesWhenTooManyWaitIsToldWhenToComeAgain) {
  make(0);
  const auto model = add("a", 10);
  hold_ = true;
  std::vector<Caller> callers(1025);
  for (Caller& caller : callers) ask(model, caller);
  ASSERT_TRUE(callers.back().done());
  EXPECT_EQ(callers.back().code(), ErrorCode::kExhausted);
  EXPECT_EQ(callers.back().result->error().retry_after, std::chrono::seconds(1));
  held_.set_value();
  callers.pop_back();
  for (Caller& caller : callers) wait(caller);
}

TEST_F(ModelHostTest, ACallThatIsCancelledWhileItWaitsIsAnsweredAtOnce) {
  make(0);
  const auto model = add("a", 10);
  hold_ = true;
  Caller caller;
  CancelHandle handle = ask(model, caller);
  handle.cancel();
  ASSERT_TRUE(caller.done());
  EXPECT_EQ(caller.code(), ErrorCode::kCancelled);
  held_.set_value();
  answered(model);
}

TEST_F(ModelHostTest, ACallDoesNotWaitPastItsDeadline) {
  make(0);
  const auto model = add("a", 10);
  hold_ = true;
  Caller caller;
  ask(model, caller, Deadline(home_.now() + std::chrono::hours(1)));
  home_.fire();
  EXPECT_EQ(caller.code(), ErrorCode::kTimeout);
  held_.set_value();
  answered(model);
}

TEST_F(ModelHostTest, AModelThatIsNotServedAnyMoreGoesWithItsCallable) {
  make(0);
  auto model = add("a", 10);
  answered(model);
  last_ = nullptr;
  EXPECT_EQ(alive_, 1);
  model.reset();
  pool_wait();
  EXPECT_EQ(alive_, 0);
}

}  // namespace
}  // namespace sluice::llama
