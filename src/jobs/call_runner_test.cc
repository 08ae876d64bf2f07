// What a call that gives parts tells the store while it is under way, and that others tell nothing.
#include "jobs/call_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inference/testing_callable.h"
#include "jobs/partial_reports.h"
#include "runtime/manual_executor.h"

namespace sluice::jobs {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Keeps reports until the test answers them; nothing else is asked.
class ReportBook final : public Store {
 public:
  struct Report {
    Ticket ticket;
    Progress progress;
    Done<void> done;
  };
  std::vector<Report> open;
  std::vector<std::string> told;  // all partial outputs

  // The oldest that waits.
  void answer(Result<> result) {
    Done<void> done = std::move(open.front().done);
    open.erase(open.begin());
    done(std::move(result));
  }

  void report_progress(Executor&, Ticket ticket, Progress progress, Done<void> done) override {
    told.push_back(progress.partial.value_or("none"));
    open.push_back({std::move(ticket), std::move(progress), std::move(done)});
  }
  void submit(Executor&, NewJob, Done<Submitted>) override { FAIL(); }
  void get(Executor&, std::string, Want, Done<JobView>) override { FAIL(); }
  void list(Executor&, ListQuery, Done<JobPage>) override { FAIL(); }
  void cancel(Executor&, std::string, Done<Job>) override { FAIL(); }
  void claim(Executor&, ClaimRequest, Done<std::vector<Claimed>>) override { FAIL(); }
  void extend(Executor&, std::vector<Ticket>, Duration, Done<std::vector<bool>>) override {
    FAIL();
  }
  void finish(Executor&, Ticket, Outcome, Done<Job>) override { FAIL(); }
  void pause(Executor&, std::string, bool, Done<void>) override { FAIL(); }
  void counts(Executor&, Done<std::vector<QueueCounts>>) override { FAIL(); }
  [[nodiscard]] Result<> ready() const override { return {}; }
  void set_news(News*) override {}
};

// Its text so far, as a JSON text without anything that would need escaping.
class Written final : public PartialOutput {
 public:
  void add(const Part& part) override { text_ += part.text; }
  Progress so_far() override { return {.share = 0.5, .partial = '"' + text_ + '"'}; }

 private:
  std::string text_;
};

class PromptCodec : public Codec {
 public:
  Result<Request> decode(std::string_view input, const Description&) override {
    return GenerateRequest{.prompt = std::string(input)};
  }
  std::unique_ptr<PartialOutput> follow(Request& request) override {
    std::get<GenerateRequest>(request).stream = true;
    return std::make_unique<Written>();
  }
  Result<RunOutput> encode(const Response& response, const Description&,
                           std::string_view job) override {
    return RunOutput{.bytes = std::string(job) + ": " +
                              std::get<GenerateResponse>(response).choices.at(0).text};
  }
};
class PlainCodec final : public PromptCodec {
  std::unique_ptr<PartialOutput> follow(Request&) override { return nullptr; }
};

class CallRunnerTest : public ::testing::Test {
 protected:
  CallRunnerTest() {
    model_->description.takes = RequestKind::kGenerate;
    EXPECT_TRUE(gateway_.configure(
        {gateway::ModelSpec{.name = "m",
                            .versions = {{"1", gateway::VersionState::kReady, "", model_}},
                            .load = {},
                            .unload = {}}}));
    home_.run_ready();
    claimed_.job.id = "j1";
    claimed_.job.callable = "m";
    claimed_.job.format = "prompt/1";
    claimed_.job.attempt = 3;
    claimed_.input = "once";
  }

  void run() {
    handle_ = runner_->run({&home_, &claimed_, {}}, [this](Result<RunOutput> output) {
      ended_.push_back(output ? output->bytes : std::string(to_string(output.error().code)));
    });
  }
  void say(std::string text) {
    model_->pending.front()->sink->on_part({.choice = 0, .text = std::move(text), .logprobs = {}});
  }
  void end(std::string text) {
    GenerateResponse response{.model = "m", .choices = {Choice{.text = std::move(text)}}};
    model_->reply(std::move(response));
  }

  ManualClock clock_;
  telemetry::Metrics metrics_;
  telemetry::Instruments instruments_{metrics_};
  ManualExecutor home_;
  gateway::Gateway gateway_{clock_, instruments_};
  std::shared_ptr<testing::FakeCallable> model_ =
      std::make_shared<testing::FakeCallable>("m", Placement{Placement::Where::kRemote, {}});
  const CodecMakers codecs_{{"prompt/1", [] { return std::make_unique<PromptCodec>(); }},
                            {"plain/1", [] { return std::make_unique<PlainCodec>(); }}};
  ReportBook store_;
  Claimed claimed_;
  CancelHandle handle_;
  std::vector<std::string> ended_;
  std::unique_ptr<Runner> runner_ = make_call_runner(gateway_.add_home(home_), codecs_, store_);
};

TEST_F(CallRunnerTest, CallsInTheClassThatItIsTold) {
  run();
  EXPECT_EQ(model_->pending.front()->call.service_class, ServiceClass::kBestEffort);
  end("done");
  handle_ = runner_->run({&home_, &claimed_, {}, ServiceClass::kRealtime}, [](auto) {});
  EXPECT_EQ(model_->pending.front()->call.service_class, ServiceClass::kRealtime);
  end("done");
}

TEST_F(CallRunnerTest, TellsWhatThereIsUnderTheNumberOfTheAttempt) {
  run();
  say("one");
  say(" two");
  EXPECT_THAT(store_.told, IsEmpty());
  home_.advance(kReportEvery);
  ASSERT_THAT(store_.open, SizeIs(1));
  EXPECT_EQ(store_.open[0].ticket.id, "j1");
  EXPECT_EQ(store_.open[0].ticket.attempt, 3U);
  EXPECT_EQ(store_.open[0].progress.share, 0.5);
  EXPECT_EQ(store_.open[0].progress.partial, R"("one two")");
  end("one two three");
  EXPECT_THAT(ended_, ElementsAre("j1: one two three"));
}

TEST_F(CallRunnerTest, TellsNothingOfAJobThatEndsSoon) {
  run();
  say("one");
  home_.advance(kReportEvery - milliseconds(1));
  end("one");
  EXPECT_EQ(home_.pending_timers(), 0U);
  home_.advance(kReportEvery * 3);
  EXPECT_THAT(store_.told, IsEmpty());
}

TEST_F(CallRunnerTest, TellsAtMostSoOftenHoweverManyPartsCome) {
  run();
  for (int i = 0; i < 100; ++i) {
    say("x");
    home_.advance(kReportEvery / 20);
    while (!store_.open.empty()) store_.answer({});
  }
  EXPECT_THAT(store_.told, SizeIs(5));
  end("");
}

TEST_F(CallRunnerTest, TellsOfTheLastPartBeforeAPause) {
  run();
  home_.advance(kReportEvery * 4);
  say("late");
  home_.advance(milliseconds(1));
  EXPECT_THAT(store_.told, ElementsAre(R"("late")")) << "at once: nothing was told before";
  store_.answer({});
  say("r");
  home_.advance(kReportEvery);
  EXPECT_THAT(store_.told, ElementsAre(R"("late")", R"("later")"));
  store_.answer({});
  home_.advance(kReportEvery * 10);
  EXPECT_THAT(store_.told, SizeIs(2)) << "nothing new came";
  end("later");
}

TEST_F(CallRunnerTest, HasOneReportOnItsWayAndEndsWithoutWaitingForIt) {
  run();
  say("one");
  home_.advance(kReportEvery);
  say(" two");
  home_.advance(kReportEvery * 10);
  EXPECT_THAT(store_.told, ElementsAre(R"("one")"));
  end("one two");
  EXPECT_THAT(ended_, ElementsAre("j1: one two"));
  store_.answer({});
  home_.advance(kReportEvery * 10);
  EXPECT_THAT(store_.told, SizeIs(1));
}

TEST_F(CallRunnerTest, SaysItAgainWhenTheStoreWasAwayAndStopsWhenTheAttemptIsOver) {
  run();
  say("one");
  home_.advance(kReportEvery);
  store_.answer(fail(unavailable("away")));
  home_.advance(kReportEvery);
  EXPECT_THAT(store_.told, ElementsAre(R"("one")", R"("one")"));
  store_.answer(fail(ErrorCode::kConflict, "another has it"));
  say(" two");
  home_.advance(kReportEvery * 10);
  EXPECT_THAT(store_.told, SizeIs(2));
  end("one two");
  EXPECT_THAT(ended_, ElementsAre("j1: one two")) << "its end is for others to judge";
}

TEST_F(CallRunnerTest, TellsNothingMoreOnceItIsStopped) {
  model_->reports_within_cancel = false;
  run();
  say("one");
  handle_.cancel();
  home_.advance(kReportEvery * 10);
  EXPECT_THAT(store_.told, IsEmpty());
  EXPECT_EQ(home_.pending_timers(), 0U);
  model_->reply(fail(cancelled("stopped")));
  EXPECT_THAT(ended_, ElementsAre("cancelled"));
}

TEST_F(CallRunnerTest, AsksForPartsOnlyWhereTheyAreShown) {
  struct Case {
    const char* format;
    const char* batch;
    bool asks;
  };
  for (const Case& c :
       {Case{"prompt/1", "", true}, {"prompt/1", "b1", false}, {"plain/1", "", false}}) {
    claimed_.job.format = c.format;
    claimed_.job.batch = c.batch;
    run();
    EXPECT_EQ(std::get<GenerateRequest>(*model_->pending.front()->request).stream, c.asks)
        << c.format;
    if (!c.asks) say("one");
    EXPECT_EQ(home_.pending_timers(), 0U) << c.format;
    end("one");
  }
}

}  // namespace
}  // namespace sluice::jobs
