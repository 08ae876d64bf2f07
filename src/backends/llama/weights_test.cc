#include "backends/llama/weights.h"

#include <gtest/gtest.h>

#include "base/testing_repository.h"

namespace sluice::llama {
namespace {

TEST(Weights, ATokenTakesAKeyAndAValueOfEachKeptHeadAndLayer) {
  AttentionFacts smollm2{.layers = 30, .embedding = 576, .heads = 9, .kept_heads = 3};
  EXPECT_EQ(context_bytes_a_token(smollm2), 30U * 3 * (64 + 64) * 2);
  // Qwen3-0.6B: its heads are twice as long as their part of the embedding.
  AttentionFacts qwen3{.layers = 28,
                       .embedding = 1024,
                       .heads = 16,
                       .kept_heads = 8,
                       .key_length = 128,
                       .value_length = 128};
  EXPECT_EQ(context_bytes_a_token(qwen3), 114'688U);
  qwen3.value_length = 64;
  EXPECT_EQ(context_bytes_a_token(qwen3), 28U * 8 * (128 + 64) * 2);
  EXPECT_EQ(context_bytes_a_token({}), 0U);
}

TEST(Weights, TheFactsOfAFileAreThoseOfItsModel) {
  const auto weights = Weights::load(sluice::testing::in_repository("models/smollm2.gguf"), 0);
  ASSERT_TRUE(weights) << weights.error().message;
  const ModelFacts& facts = (*weights)->facts();
  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_EQ(facts.embedding, 576U);
  EXPECT_EQ(facts.context_bytes_a_token, 23'040U);
  EXPECT_FALSE(facts.encodes);
  // What it says of itself is the same before the weights are there.
  const auto before =
      Weights::load(sluice::testing::in_repository("models/smollm2.gguf"), 0, WeightsPart::kFacts);
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ((*before)->facts(), facts);
}

}  // namespace
}  // namespace sluice::llama
