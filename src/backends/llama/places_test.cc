#include "backends/llama/places.h"

#include <gtest/gtest.h>

#include <numeric>

namespace sluice::llama {
namespace {

std::vector<Token> run(Token from, std::size_t count) {
  std::vector<Token> tokens(count);
  std::iota(tokens.begin(), tokens.end(), from);
  return tokens;
}

// A call that has come and gone.
std::uint32_t used(Places& places, std::string_view tenant, const std::vector<Token>& tokens) {
  const auto found = places.take(tenant, tokens);
  places.append(found->sequence, std::span(tokens).subspan(found->reused));
  places.leave(found->sequence);
  return found->sequence;
}

TEST(Places, ABeginningIsUsedAgain) {
  Places places(2);
  const std::uint32_t first = used(places, "a", run(0, 100));
  std::vector<Token> prompt = run(0, 60);
  prompt.insert(prompt.end(), {7, 7, 7});
  const auto found = places.take("a", prompt);
  EXPECT_EQ(found->sequence, first);
  EXPECT_EQ(found->reused, 60U);
  EXPECT_FALSE(found->copy_from);
}

TEST(Places, NothingIsUsedAgainBetweenTenants) {
  Places places(1);
  used(places, "a", run(0, 100));
  const auto found = places.take("b", run(0, 100));
  EXPECT_EQ(found->reused, 0U);
}

TEST(Places, TheLastTokenIsAlwaysLeftToCompute) {
  Places places(1);
  used(places, "a", run(0, 100));
  EXPECT_EQ(places.take("a", run(0, 100))->reused, 99U);
}

TEST(Places, ALongBeginningIsCopiedFromABusyPlace) {
  Places places(2);
  const auto busy = places.take("a", run(0, 100));
  places.append(busy->sequence, run(0, 100));
  const auto found = places.take("a", run(0, 120));
  EXPECT_EQ(found->copy_from, busy->sequence);
  EXPECT_EQ(found->reused, 100U);
}

TEST(Places, AShortBeginningIsNotWorthACopy) {
  Places places(2);
  const auto busy = places.take("a", run(0, 20));
  places.append(busy->sequence, run(0, 20));
  const auto found = places.take("a", run(0, 120));
  EXPECT_FALSE(found->copy_from);
  EXPECT_EQ(found->reused, 0U);
}

TEST(Places, WhatWasUnusedForLongestGoesFirst) {
  Places places(2);
  const std::uint32_t old = used(places, "a", run(0, 50));
  const std::uint32_t young = used(places, "b", run(500, 50));
  EXPECT_NE(old, young);
  EXPECT_EQ(places.take("c", run(900, 10))->sequence, old);
}

TEST(Places, AFewCommonWordsAreNoReasonToOverwriteALongBeginning) {
  Places places(2);
  used(places, "other", run(900, 10));
  const std::uint32_t conversation = used(places, "a", run(0, 500));
  std::vector<Token> unrelated = run(0, 5);
  unrelated.insert(unrelated.end(), 50, 7);
  EXPECT_NE(places.take("a", unrelated)->sequence, conversation);
  EXPECT_EQ(places.take("a", run(0, 600))->reused, 500U);
}

TEST(Places, ThereIsNoneWhenAllAreBusy) {
  Places places(1);
  const auto found = places.take("a", run(0, 10));
  EXPECT_FALSE(places.any_free());
  EXPECT_FALSE(places.take("a", run(0, 10)));
  places.leave(found->sequence);
  EXPECT_TRUE(places.any_free());
}

TEST(Places, WhatTheContextForgotIsNotPromised) {
  Places places(1);
  const auto found = places.take("a", run(0, 100));
  places.append(found->sequence, run(0, 100));
  places.truncate(found->sequence, 40);
  places.leave(found->sequence);
  EXPECT_EQ(places.take("a", run(0, 100))->reused, 40U);
}

}  // namespace
}  // namespace sluice::llama
