// Embeddings with a real encoder, all-MiniLM-L6-v2, held against vectors that
// tools/minilm_reference.py has computed from the original weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <numeric>
#include <sstream>

#include "backends/llama/model.h"
#include "backends/llama/testing_home.h"
#include "backends/llama/testing_threads.h"
#include "base/testing_repository.h"
#include "runtime/thread_class.h"

namespace sluice::llama {
namespace {

using ::testing::HasSubstr;
using testing::Home;

struct Reference {
  std::string text;
  std::vector<double> vector;
};

std::vector<Reference> references() {
  std::ifstream file(sluice::testing::in_repository("tests/golden/minilm.json"));
  std::stringstream text;
  text << file.rdbuf();
  std::vector<Reference> all;
  const boost::json::value parsed = boost::json::parse(text.str());
  for (const boost::json::value& one : parsed.as_array()) {
    all.push_back({std::string(one.at("text").as_string()),
                   boost::json::value_to<std::vector<double>>(one.at("vector"))});
  }
  return all;
}

double cosine(const std::vector<float>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);  // both have length 1
}

struct Asker final : Sink {
  std::optional<Result<Response>> result;
  void on_result(Result<Response> r) override { result = std::move(r); }
  [[nodiscard]] const EmbedResponse& answer() const { return std::get<EmbedResponse>(**result); }
};

class MiniLm : public ::testing::Test {
 protected:
  static std::shared_ptr<LanguageModel> load(std::uint32_t threads) {
    static const SystemClock clock;
    static telemetry::Metrics metrics;
    auto made = load_model(
        "minilm",
        {.path = sluice::testing::in_repository("models/minilm.gguf"), .threads = threads},
        {clock, metrics});
    EXPECT_TRUE(made) << made.error().message;
    return made ? std::move(*made) : nullptr;
  }
  static void SetUpTestSuite() {
    model() = load(0);
    ASSERT_NE(model(), nullptr);
  }
  static void TearDownTestSuite() { model() = nullptr; }
  static std::shared_ptr<LanguageModel>& model() {
    static std::shared_ptr<LanguageModel> loaded;
    return loaded;
  }
  void start(Asker& asker, std::vector<std::string> texts, bool truncate,
             ServiceClass of = ServiceClass::kRealtime) {
    model()->start({.home = &home_, .service_class = of},
                   make_request(EmbedRequest{std::move(texts), truncate, {}}), asker);
  }
  void wait(Asker& asker) {
    home_.run_until([&] { return asker.result.has_value(); });
  }
  Home home_;
};

TEST_F(MiniLm, VectorsAreThoseOfTheOriginal) {
  for (const ServiceClass of : {ServiceClass::kRealtime, ServiceClass::kBestEffort}) {
    Asker asker;
    std::vector<std::string> texts;
    for (const Reference& reference : references()) texts.push_back(reference.text);
    start(asker, texts, true, of);
    wait(asker);
    ASSERT_TRUE(*asker.result) << asker.result->error().message;
    ASSERT_EQ(asker.answer().vectors.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      EXPECT_GT(cosine(asker.answer().vectors[i], references()[i].vector), 0.999) << texts[i];
    }
  }
}

TEST_F(MiniLm, ATextHasTheSameVectorAloneAndInABatch) {
  Asker alone;
  start(alone, {"A man is eating food."}, false);
  wait(alone);
  std::vector<std::string> texts(100, "Something else that is rather longer than the other.");
  texts[57] = "A man is eating food.";
  Asker many;
  start(many, texts, false);
  wait(many);
  const std::vector<float>& one = alone.answer().vectors[0];
  EXPECT_GT(cosine(many.answer().vectors[57], {one.begin(), one.end()}), 0.99999);
}

TEST_F(MiniLm, CallsThatComeTogetherAreAnsweredEach) {
  std::vector<Asker> askers(20);
  for (std::size_t i = 0; i < askers.size(); ++i) {
    start(askers[i], {"text number " + std::to_string(i)}, false);
  }
  for (Asker& asker : askers) {
    wait(asker);
    ASSERT_TRUE(*asker.result);
    EXPECT_EQ(asker.answer().vectors.at(0).size(), 384U);
    EXPECT_GT(asker.answer().prompt_tokens, 3U);
  }
}

TEST_F(MiniLm, ATextThatIsTooLongIsRefusedWithTheCountsUnlessItMayBeCut) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "word ";
  Asker refused;
  start(refused, {"fine", text}, false);
  wait(refused);
  ASSERT_FALSE(*refused.result);
  EXPECT_EQ(refused.result->error().code, ErrorCode::kInvalid);
  EXPECT_THAT(refused.result->error().message, HasSubstr("input 1 has 402 tokens"));
  Asker cut;
  start(cut, {"fine", text}, true);
  wait(cut);
  ASSERT_TRUE(*cut.result);
  EXPECT_LE(cut.answer().prompt_tokens, 256U + 3U);
}

TEST_F(MiniLm, ThreadsOfBestEffortGiveWayToEverybody) {
  const auto answer_both = [this] {
    for (const ServiceClass of : {ServiceClass::kRealtime, ServiceClass::kBestEffort}) {
      Asker asker;
      start(asker, {"one two"}, false, of);
      wait(asker);
    }
  };
  answer_both();
  const int before = testing::idle_threads();
  const auto kept = std::exchange(model(), load(2));
  ASSERT_NE(model(), nullptr);
  answer_both();
  EXPECT_EQ(testing::idle_threads() - before, can_run_when_idle() ? 2 : 0);
  model() = kept;
}

TEST_F(MiniLm, APromptIsNotForIt) {
  Asker asker;
  model()->start({.home = &home_}, make_request(GenerateRequest{}), asker);
  ASSERT_TRUE(asker.result);
  EXPECT_EQ(asker.result->error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sluice::llama
