// What an engine asks of a context, with a real model: sequences that are put aside, copied and
// gone on with.
#include "backends/llama/llama_context.h"

#include <gtest/gtest.h>

#include "backends/llama/engine.h"
#include "backends/llama/llama_text.h"
#include "backends/llama/testing_home.h"
#include "base/testing_repository.h"

namespace sluice::llama {
namespace {

using testing::Caller;
using testing::Home;

struct Counts {
  std::atomic<int> saved = 0;
  std::atomic<int> restored = 0;
  std::atomic<int> copied = 0;
};

// A context that counts what is asked of it.
class Counted final : public Context {
 public:
  Counted(std::unique_ptr<Context> real, Counts& counts)
      : real_(std::move(real)), counts_(counts) {}
  void bind() override { real_->bind(); }
  [[nodiscard]] std::uint32_t sequences() const override { return real_->sequences(); }
  [[nodiscard]] std::uint32_t length() const override { return real_->length(); }
  Result<> decode(std::span<const StepPart> parts, const std::atomic<bool>& stop) override {
    return real_->decode(parts, stop);
  }
  [[nodiscard]] std::uint32_t kept(std::uint32_t sequence) const override {
    return real_->kept(sequence);
  }
  void truncate(std::uint32_t sequence, std::uint32_t position) override {
    real_->truncate(sequence, position);
  }
  void copy(std::uint32_t from, std::uint32_t to) override {
    ++counts_.copied;
    real_->copy(from, to);
  }
  std::string save(std::uint32_t sequence) override {
    ++counts_.saved;
    return real_->save(sequence);
  }
  bool restore(std::uint32_t sequence, const std::string& state) override {
    const bool restored = real_->restore(sequence, state);
    if (restored) ++counts_.restored;
    return restored;
  }
  Result<Sampled> sample(Sampler& sampler, std::size_t part) override {
    return real_->sample(sampler, part);
  }
  void rest() override { real_->rest(); }

 private:
  const std::unique_ptr<Context> real_;
  Counts& counts_;
};

class LlamaContextTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto loaded = Weights::load(sluice::testing::in_repository("models/smollm2.gguf"), 0);
    ASSERT_TRUE(loaded) << loaded.error().message;
    weights() = std::move(*loaded);
  }
  static void TearDownTestSuite() { weights() = nullptr; }
  static std::shared_ptr<const Weights>& weights() {
    static std::shared_ptr<const Weights> loaded;
    return loaded;
  }

  // One context for both classes, under the driver that cuts prompts into steps; an engine that
  // nobody has asked yet, so that prompts are cut alike.
  void make(std::uint32_t sequences) {
    engine_.reset();
    auto opened = open_context(weights(), {.sequences = sequences, .length = 512});
    auto prompter = make_prompter(weights(), "");
    ASSERT_TRUE(opened && prompter);
    engine_ = std::make_unique<Engine>(
        EngineOptions{
            .model = "m", .driver = {.shared = true}, .metrics = engine_metrics(metrics_, "m")},
        std::make_unique<Counted>(std::move(*opened), counts_), std::move(*prompter), clock_,
        nullptr);
  }
  // Something whose likeliest continuation is beyond doubt.
  static GenerateRequest counting(std::uint32_t tokens, std::uint32_t from = 1) {
    GenerateRequest request;
    std::string text;
    for (std::uint32_t i = from; i < from + 16; ++i) text += std::to_string(i) + ", ";
    text.pop_back();
    request.prompt = text;
    request.max_tokens = tokens;
    request.sampling.temperature = 0;
    request.stream = true;
    return request;
  }
  void start(Caller& caller, GenerateRequest request, ServiceClass of = ServiceClass::kRealtime,
             std::string_view tenant = "a") {
    const Call call{.home = &home_, .service_class = of, .tenant = tenant};
    engine_->submit(std::make_shared<EngineCall>(call, make_request(std::move(request)), caller));
  }
  void wait(Caller& caller) {
    home_.run_until([&] { return caller.done(); });
    ASSERT_TRUE(*caller.result) << caller.result->error().message;
  }
  std::string alone(const GenerateRequest& request, ServiceClass of = ServiceClass::kRealtime) {
    make(1);
    Caller caller;
    start(caller, request, of);
    wait(caller);
    return caller.text();
  }

  SystemClock clock_;
  telemetry::Metrics metrics_;
  Home home_;
  Counts counts_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(LlamaContextTest, AnAnswerThatIsPutAsideGoesOnTokenForToken) {
  GenerateRequest story;
  story.messages = {{.role = "user", .content = "What is gravity?"}};
  story.max_tokens = 60;
  story.sampling.temperature = 0;
  story.stream = true;
  const std::string undisturbed = alone(story, ServiceClass::kBestEffort);
  make(1);
  Caller background;
  start(background, story, ServiceClass::kBestEffort);
  for (std::size_t people = 1; people <= 3; ++people) {
    home_.run_until([&] { return background.parts >= 3 * people || background.done(); });
    Caller person;
    start(person, counting(2, static_cast<std::uint32_t>(100 * people)), ServiceClass::kRealtime,
          "somebody else");
    wait(person);
    EXPECT_FALSE(background.done());
  }
  wait(background);
  EXPECT_EQ(background.text(), undisturbed);
  EXPECT_EQ(background.streamed, undisturbed);
  EXPECT_EQ(counts_.saved, 3);
  EXPECT_EQ(counts_.restored, 3);
}

TEST_F(LlamaContextTest, EachOfSeveralAnswersIsWhatOneIs) {
  const std::string one = alone(counting(12));
  make(3);
  GenerateRequest request = counting(12);
  request.choices = 3;
  Caller caller;
  start(caller, request);
  wait(caller);
  ASSERT_EQ(caller.answer().choices.size(), 3U);
  for (const Choice& choice : caller.answer().choices) EXPECT_EQ(choice.text, one);
  EXPECT_EQ(counts_.copied, 2);
}

TEST_F(LlamaContextTest, ABeginningIsCopiedFromAnAnswerThatIsBeingWritten) {
  const std::string one = alone(counting(12));
  make(2);
  Caller first;
  start(first, counting(40));
  home_.run_until([&] { return first.parts >= 3 || first.done(); });
  ASSERT_FALSE(first.done());
  Caller second;
  start(second, counting(12));
  wait(second);
  EXPECT_EQ(counts_.copied, 1);
  EXPECT_GE(second.answer().usage.cached_tokens, 32U);
  EXPECT_EQ(second.text(), one);
  wait(first);
  EXPECT_EQ(first.text().substr(0, one.size()), one);
}

}  // namespace
}  // namespace sluice::llama
