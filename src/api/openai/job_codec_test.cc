#include "api/openai/job_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::api::openai {
namespace {

using ::testing::HasSubstr;

const Description kModel{.name = "m", .takes = RequestKind::kGenerate};

TEST(OpenAiJobCodec, ReadsAConversation) {
  const ManualClock clock;
  const auto codec = make_generate_codec(clock);
  const auto chat = codec->decode(
      R"({"messages":[{"role":"user","content":"hi"}],"max_tokens":7,"stream":true})", kModel);
  ASSERT_TRUE(chat) << chat.error().message;
  const auto& asked = std::get<GenerateRequest>(*chat);
  EXPECT_EQ(asked.messages.at(0).content, "hi");
  EXPECT_EQ(asked.max_tokens, 7U);
  EXPECT_FALSE(asked.stream);
}

TEST(OpenAiJobCodec, ReadsAPromptAndAnswersItAsACompletion) {
  const ManualClock clock;
  const auto codec = make_complete_codec(clock);
  const auto prompt = codec->decode(R"({"prompt":"once upon","stream":true})", kModel);
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_EQ(std::get<GenerateRequest>(*prompt).prompt, "once upon");
  EXPECT_FALSE(std::get<GenerateRequest>(*prompt).stream);
  const auto output = codec->encode(
      GenerateResponse{.model = "m", .choices = {Choice{.text = " a time"}}}, kModel, "j1");
  ASSERT_TRUE(output);
  EXPECT_THAT(output->bytes, HasSubstr(R"("id":"cmpl-j1")"));
  EXPECT_THAT(output->bytes, HasSubstr(R"("object":"text_completion")"));
  EXPECT_THAT(output->bytes, HasSubstr(R"("text":" a time")"));
}

TEST(OpenAiJobCodec, AsksForPartsWhereTheyAreShown) {
  const ManualClock clock;
  const auto chat = make_generate_codec(clock);
  auto request = chat->decode(R"({"messages":[{"role":"user","content":"hi"}]})", kModel);
  ASSERT_TRUE(request);
  const auto partial = chat->follow(*request);
  ASSERT_NE(partial, nullptr);
  EXPECT_TRUE(std::get<GenerateRequest>(*request).stream);
  const auto embed = make_embed_codec();
  auto texts = embed->decode(R"({"input":"a"})", kModel);
  ASSERT_TRUE(texts);
  EXPECT_EQ(embed->follow(*texts), nullptr);
}

TEST(OpenAiJobCodec, SaysWhichMemberIsWrong) {
  const ManualClock clock;
  const auto codec = make_generate_codec(clock);
  EXPECT_THAT(
      codec->decode(R"({"messages":[{"role":"user","content":"hi"}],"temperature":"hot"})", kModel)
          .error()
          .message,
      HasSubstr("temperature"));
  EXPECT_FALSE(codec->decode("[]", kModel));
  EXPECT_FALSE(codec->decode("{", kModel));
}

TEST(OpenAiJobCodec, TheResultIsAnAnswerOfThatApi) {
  const ManualClock clock;
  const auto codec = make_generate_codec(clock);
  GenerateResponse response{.model = "m", .choices = {Choice{.text = "hello"}}};
  response.usage = {.prompt_tokens = 3, .cached_tokens = 0, .completion_tokens = 1};
  const auto output = codec->encode(response, kModel, "j1");
  ASSERT_TRUE(output);
  EXPECT_THAT(output->bytes, HasSubstr(R"("id":"chatcmpl-j1")")) << "of this job alone";
  EXPECT_THAT(output->bytes, HasSubstr(R"("object":"chat.completion")"));
  EXPECT_THAT(output->bytes, HasSubstr(R"("content":"hello")"));
  EXPECT_THAT(output->bytes, HasSubstr(R"("total_tokens":4)"));
}

TEST(OpenAiJobCodec, EmbedsTexts) {
  const auto codec = make_embed_codec();
  const auto request = codec->decode(R"({"input":["a","b"]})", kModel);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(std::get<EmbedRequest>(*request).inputs.size(), 2U);
  const auto output = codec->encode(
      EmbedResponse{.model = "m", .vectors = {{1, 0}}, .prompt_tokens = 2}, kModel, "j1");
  ASSERT_TRUE(output);
  EXPECT_THAT(output->bytes, HasSubstr(R"("embedding":[1,0])"));
}

}  // namespace
}  // namespace sluice::api::openai
