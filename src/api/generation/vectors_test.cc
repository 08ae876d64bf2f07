#include "api/generation/vectors.h"

#include <gtest/gtest.h>

namespace sluice::api::generation {
namespace {

TEST(ShortenTest, CutsEveryVectorAndMakesItOfLengthOneAgain) {
  EmbedResponse response{.model = "m", .vectors = {{0.6F, 0.0F, 0.8F}, {0.0F, 0.28F, 0.96F}}};
  ASSERT_TRUE(shorten(response, 2));
  EXPECT_EQ(response.vectors, (std::vector<std::vector<float>>{{1.0F, 0.0F}, {0.0F, 1.0F}}));
}

TEST(ShortenTest, LeavesVectorsOfThatLengthAsTheyAre) {
  EmbedResponse response{.model = "m", .vectors = {{0.6F, 0.8F}}};
  ASSERT_TRUE(shorten(response, 2));
  EXPECT_EQ(response.vectors.front(), (std::vector<float>{0.6F, 0.8F}));
}

TEST(ShortenTest, KeepsZerosThatHaveNoDirection) {
  EmbedResponse response{.model = "m", .vectors = {{0.0F, 0.0F, 1.0F}}};
  ASSERT_TRUE(shorten(response, 2));
  EXPECT_EQ(response.vectors.front(), (std::vector<float>{0.0F, 0.0F}));
}

TEST(ShortenTest, RefusesMoreDimensionsThanTheVectorsHaveAndSaysHowMany) {
  EmbedResponse response{.model = "m", .vectors = {{0.6F, 0.8F}}};
  const auto cut = shorten(response, 3);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error(), invalid("'dimensions' is 3, and this model's vectors have 2"));
}

}  // namespace
}  // namespace sluice::api::generation
