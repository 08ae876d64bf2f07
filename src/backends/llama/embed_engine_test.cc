#include "backends/llama/embed_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/llama/testing_engine.h"
#include "backends/llama/testing_home.h"
#include "telemetry/testing_numbers.h"

namespace sluice::llama {
namespace {

using ::testing::ElementsAre;
using testing::Gate;
using testing::Home;
using testing::tokens_of;

// The vector of a text is its length and its first letter.
class FakeEncoder final : public Encoder {
 public:
  struct Seen {
    std::vector<std::size_t> batches;    // how many texts
    std::string first;                   // letters: of the first text of each
    std::vector<std::size_t> tokenized;  // texts, before each
    std::size_t texts = 0;               // tokenized so far
    ManualClock clock;                   // a token takes a millisecond; the engine's thread
  };
  FakeEncoder(Gate& gate, Seen& seen) : gate_(gate), seen_(seen) {}
  [[nodiscard]] std::uint32_t length() const override { return 20; }
  [[nodiscard]] std::uint32_t batch_tokens() const override { return 40; }
  [[nodiscard]] std::uint32_t batch_texts() const override { return 4; }
  [[nodiscard]] std::vector<Token> tokenize(const std::string& text) const override {
    ++seen_.texts;
    return tokens_of(text);
  }
  void truncate(std::vector<Token>& tokens) const override { tokens.resize(length()); }
  Result<std::vector<std::vector<float>>> encode(std::span<const std::vector<Token>* const> texts,
                                                 const std::atomic<bool>& stop) override {
    if (!gate_.step(stop)) return fail(cancelled("given up"));
    seen_.batches.push_back(texts.size());
    seen_.tokenized.push_back(seen_.texts);
    seen_.first += static_cast<char>(texts[0]->front() - 1);
    std::vector<std::vector<float>> vectors;
    for (const auto* text : texts) {
      vectors.push_back({static_cast<float>(text->size()), static_cast<float>(text->front())});
      seen_.clock.advance(std::chrono::milliseconds(text->size()));
    }
    return vectors;
  }

 private:
  Gate& gate_;
  Seen& seen_;
};

struct Asker final : Sink {
  std::optional<Result<Response>> result;
  std::size_t place = 0;  // among those who were answered
  std::size_t* answered = nullptr;
  void on_result(Result<Response> r) override {
    result = std::move(r);
    place = ++*answered;
  }
  [[nodiscard]] const EmbedResponse& answer() const { return std::get<EmbedResponse>(**result); }
  [[nodiscard]] ErrorCode code() const { return result->error().code; }
};

class EmbedEngineTest : public ::testing::Test {
 protected:
  void make() {
    engine_ = std::make_unique<EmbedEngine>(
        EmbedOptions{
            .model = "fake", .call_limit = 40, .metrics = engine_metrics(metrics_, "fake")},
        std::make_unique<FakeEncoder>(gate_, seen_), seen_.clock, nullptr);
  }
  std::shared_ptr<EngineCall> start(Asker& asker, std::vector<std::string> texts,
                                    bool truncate = false,
                                    ServiceClass of = ServiceClass::kRealtime) {
    asker.answered = &answered_;
    auto call = std::make_shared<EngineCall>(
        Call{.home = &home_, .service_class = of},
        make_request(EmbedRequest{std::move(texts), truncate, {}}), asker);
    engine_->submit(call);
    return call;
  }
  void wait(Asker& asker) {
    home_.run_until([&] { return asker.result.has_value(); });
  }
  telemetry::Metrics metrics_;
  Home home_;
  Gate gate_;
  FakeEncoder::Seen seen_;
  std::size_t answered_ = 0;
  std::unique_ptr<EmbedEngine> engine_;
};

std::vector<float> vector_of(const std::string& text) {
  return {static_cast<float>(text.size()), static_cast<float>(tokens_of(text).front())};
}

TEST_F(EmbedEngineTest, EveryTextHasItsOwnVectorInOrder) {
  make();
  Asker asker;
  start(asker, {"a", "bb", "ccc", "dddd", "eeeee"});
  wait(asker);
  EXPECT_THAT(asker.answer().vectors, ElementsAre(vector_of("a"), vector_of("bb"), vector_of("ccc"),
                                                  vector_of("dddd"), vector_of("eeeee")));
  EXPECT_EQ(asker.answer().prompt_tokens, 15U);
  EXPECT_THAT(seen_.batches, ElementsAre(4, 1));
  EXPECT_EQ(telemetry::testing::number_of(metrics_, "sluice_engine_tokens_total",
                                          {"fake", "realtime", "prompt"}),
            15);
}

TEST_F(EmbedEngineTest, AManyTextedCallKeepsOthersWaitingForNoMoreThanABatch) {
  make();
  gate_.close();
  Asker many;
  start(many, std::vector<std::string>(40, "x"));
  gate_.wait_for(1);
  Asker one;
  start(one, {"y"});
  gate_.pass(2);
  wait(one);
  EXPECT_EQ(one.place, 1U);
  EXPECT_FALSE(many.result);
  gate_.open();
  wait(many);
  EXPECT_EQ(many.answer().vectors.size(), 40U);
}

TEST_F(EmbedEngineTest, RealtimeWaitsForOneBatchOfBestEffortAtMost) {
  make();
  gate_.close();
  std::vector<Asker> work(32);
  for (Asker& asker : work) {
    start(asker, {std::string(20, 'w')}, false, ServiceClass::kBestEffort);
  }
  gate_.wait_for(1);
  Asker person;
  start(person, {"p"});
  gate_.pass(2);
  wait(person);
  EXPECT_LE(person.place, 3U) << "after the two texts of the batch that was under way";
  EXPECT_EQ(seen_.first, "wp");
  gate_.open();
  for (Asker& asker : work) wait(asker);
}

TEST_F(EmbedEngineTest, BestEffortGetsItsShareByOneBatchAtATimeWhileRealtimeNeverEnds) {
  make();
  gate_.close();
  Asker people;
  Asker work;
  start(people, std::vector<std::string>(800, std::string(20, 'p')));
  gate_.wait_for(1);
  start(work, std::vector<std::string>(1000, std::string(20, 'w')), false,
        ServiceClass::kBestEffort);
  gate_.open();
  wait(people);
  engine_.reset();
  const std::string beside = seen_.first.substr(0, seen_.first.rfind('p'));
  EXPECT_EQ(beside.find("ww"), std::string::npos);
  const auto share =
      static_cast<double>(std::ranges::count(beside, 'w')) / static_cast<double>(beside.size());
  EXPECT_GE(share, 0.045);
  EXPECT_LE(share, 0.06);
  wait(work);
}

// Realtime would have to wait while thousands of texts are made tokens.
TEST_F(EmbedEngineTest, MakesNoMoreTextsOfBestEffortTokensAtOnceThanFillABatch) {
  make();
  gate_.close();
  Asker first;
  start(first, {"f"});
  gate_.wait_for(1);
  std::vector<Asker> work(10);
  for (Asker& asker : work) {
    start(asker, {"w", "w", "w", "w"}, false, ServiceClass::kBestEffort);
  }
  Asker person;
  start(person, {"p"});
  gate_.open();
  wait(person);
  for (Asker& asker : work) {
    wait(asker);
    EXPECT_EQ(asker.answer().vectors.size(), 4U);
  }
  EXPECT_EQ(seen_.first.substr(0, 2), "fp");
  EXPECT_EQ(seen_.tokenized.at(1), 1U + 1U + 4U);
}

TEST_F(EmbedEngineTest, WhatHasNotBeenTakenInIsToldAtTheEndAsWell) {
  make();
  gate_.close();
  std::vector<Asker> work(4);
  for (Asker& asker : work) {
    start(asker, std::vector<std::string>(8, "w"), false, ServiceClass::kBestEffort);
  }
  gate_.wait_for(1);
  engine_.reset();
  for (Asker& asker : work) {
    wait(asker);
    EXPECT_EQ(asker.code(), ErrorCode::kUnavailable);
  }
}

TEST_F(EmbedEngineTest, ABatchHoldsNoMoreTokensThanTheEncoderTakes) {
  make();
  Asker asker;
  start(asker, std::vector<std::string>(4, std::string(18, 'x')));
  wait(asker);
  EXPECT_THAT(seen_.batches, ElementsAre(2, 2));
}

TEST_F(EmbedEngineTest, OthersInABatchThatIsGivenUpAreAskedAgain) {
  make();
  gate_.close();
  Asker first;
  start(first, {"held"});
  gate_.wait_for(1);
  Asker small;
  Asker large;
  start(small, {"ab"});
  const auto call = start(large, {std::string(18, 'l'), std::string(18, 'm')});
  gate_.pass(1);
  gate_.wait_for(2);
  call->cancel();
  EXPECT_EQ(large.code(), ErrorCode::kCancelled);
  gate_.wait_for(3);  // the second batch has ended though the gate is shut
  gate_.open();
  wait(small);
  EXPECT_THAT(small.answer().vectors, ElementsAre(vector_of("ab")));
}

TEST_F(EmbedEngineTest, TextsThatDoNotFitAreRefusedOrCut) {
  make();
  Asker refused;
  start(refused, {"fine", std::string(30, 'x')});
  wait(refused);
  EXPECT_EQ(refused.code(), ErrorCode::kInvalid);
  Asker cut;
  start(cut, {std::string(30, 'x')}, true);
  wait(cut);
  EXPECT_EQ(cut.answer().vectors[0][0], 20.0F);
  Asker empty;
  start(empty, {"fine", ""});
  wait(empty);
  EXPECT_EQ(empty.code(), ErrorCode::kInvalid);
}

TEST_F(EmbedEngineTest, AnswersNoTextsWithNoVectors) {
  make();
  Asker asker;
  start(asker, {});
  wait(asker);
  EXPECT_TRUE(asker.answer().vectors.empty());
}

TEST_F(EmbedEngineTest, WhatIsThereAtItsEndIsToldThatTheModelHasGone) {
  make();
  gate_.close();
  Asker running;
  Asker waiting;
  start(running, {"a"});
  gate_.wait_for(1);
  start(waiting, {"b"});
  engine_.reset();
  wait(running);
  wait(waiting);
  EXPECT_EQ(running.code(), ErrorCode::kUnavailable);
  EXPECT_EQ(waiting.code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace sluice::llama
