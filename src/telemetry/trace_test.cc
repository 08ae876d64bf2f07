#include "telemetry/trace.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "telemetry/request_id.h"

namespace sluice::telemetry {
namespace {

// The example of the recommendation.
constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, IsReadAndWrittenBackTheSame) {
  const auto context = parse_traceparent(kParent);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace.hex().view(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->span.hex().view(), "b7ad6b7169203331");
  EXPECT_TRUE(context->sampled);
  EXPECT_FALSE(context->random);
  EXPECT_EQ(format_traceparent(*context).view(), kParent);
}

TEST(Traceparent, FlagsThatAreNotKnownAreNotPassedOn) {
  std::string header(kParent);
  header.replace(53, 2, "fe");  // all but sampled
  const auto context = parse_traceparent(header);
  ASSERT_TRUE(context);
  EXPECT_FALSE(context->sampled);
  EXPECT_TRUE(context->random);
  EXPECT_TRUE(format_traceparent(*context).view().ends_with("-02"));
}

TEST(Traceparent, ThatBreaksTheGrammarIsNotRead) {
  const std::string good(kParent);
  const auto with = [&](std::size_t at, std::string_view text) {
    return std::string(good).replace(at, text.size(), text);
  };
  const std::string bad[] = {
      "",
      "00",
      good.substr(0, 54),                           // too short
      good + "0",                                   // too long for version 00
      good + "-00",                                 // version 00 has nothing behind
      with(3, "0AF7651916CD43DD8448EB211C80319C"),  // capitals
      with(3, "00000000000000000000000000000000"),  // no trace
      with(36, "0000000000000000"),                 // no span
      with(36, "B7AD6B7169203331"),                 // capitals
      with(0, "ff"),                                // forbidden version
      with(0, "0x"),                                // not a number
      with(0, " 0"),                                //
      with(2, "_"),
      with(35, "_"),
      with(52, "_"),  // not dashes
      with(53, "0g"),
      with(53, "1 "),
      with(53, "-1"),  // not flags
      " " + good.substr(0, 54),
  };
  for (const auto& header : bad) EXPECT_FALSE(parse_traceparent(header)) << '"' << header << '"';
}

TEST(Traceparent, OfALaterVersionTheKnownPartIsRead) {
  const std::string later = "cc" + std::string(kParent.substr(2));
  for (const auto& header : {later, later + "-", later + "-what the future brings"}) {
    const auto context = parse_traceparent(header);
    ASSERT_TRUE(context) << header;
    EXPECT_EQ(format_traceparent(*context).view(), kParent);
  }
  EXPECT_FALSE(parse_traceparent(later + ".more"));
}

TEST(Tracestate, IsPassedOnInItsOrder) {
  EXPECT_EQ(parse_tracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  EXPECT_EQ(parse_tracestate("fw529a3039@dt=FfffffffQ;x y,0a*/_-=!~"),
            "fw529a3039@dt=FfffffffQ;x y,0a*/_-=!~");
  EXPECT_EQ(parse_tracestate(""), "");
}

TEST(Tracestate, BlanksAndEmptyMembersAreLeftOut) {
  EXPECT_EQ(parse_tracestate(" a=1 \t,, , b=2,"), "a=1,b=2");
  EXPECT_EQ(parse_tracestate("a= 1"), "a= 1");  // a blank at the value's start belongs to it
}

TEST(Tracestate, ThatBreaksTheGrammarIsDropped) {
  const std::string key(256, 'k');
  const std::string value(256, 'v');
  EXPECT_TRUE(parse_tracestate(key + "=1"));
  EXPECT_TRUE(parse_tracestate("k=" + value));
  for (const auto& header :
       {std::string("a"), std::string("=1"), std::string("a="), std::string("A=1"),
        std::string("_a=1"), std::string("a=1=2"), std::string("a b=1"), std::string("a =1"),
        std::string("a=1\x01"), std::string("a=\xC3\xA5"), std::string("a=1,a=2"), key + "k=1",
        "k=" + value + "v"}) {
    EXPECT_FALSE(parse_tracestate(header)) << header;
  }
}

std::string members(int count, std::size_t value_bytes) {
  std::string header;
  for (int i = 0; i < count; ++i) {
    if (i > 0) header += ',';
    header += "k" + std::to_string(i + 100) + "=" + std::string(value_bytes, 'v');
  }
  return header;
}

TEST(Tracestate, HasAtMostThirtyTwoMembers) {
  EXPECT_EQ(parse_tracestate(members(32, 3)), members(32, 3));
  EXPECT_FALSE(parse_tracestate(members(33, 3)));
}

TEST(Tracestate, LosesLongMembersThenTheLastOnesToStayWithinItsBound) {
  const std::string long_member = "long=" + std::string(200, 'x');
  const auto few = members(8, 50);  // 8 x 55 + 7
  EXPECT_EQ(parse_tracestate(few), few);
  EXPECT_EQ(parse_tracestate(long_member + "," + few), few);
  EXPECT_EQ(parse_tracestate(members(12, 50)), members(9, 50));
  EXPECT_LE(parse_tracestate(members(12, 50))->size(), kMaxTracestateBytes);
}

TEST(Trace, ARequestWithoutATraceBeginsOne) {
  Random random(1);
  for (const auto* header : {"", "garbage"}) {
    const auto context = continue_trace(header, "a=1", random);
    EXPECT_TRUE(context.trace.valid());
    EXPECT_TRUE(context.span.valid());
    EXPECT_TRUE(context.random);
    EXPECT_FALSE(context.sampled);
    EXPECT_EQ(context.state, "");  // without traceparent there is no tracestate
  }
}

TEST(Trace, ARequestWithATraceContinuesItWithASpanOfItsOwn) {
  Random random(1);
  const auto context = continue_trace(kParent, "a=1, b=2", random);
  EXPECT_EQ(context.trace.hex().view(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_NE(context.span.hex().view(), "b7ad6b7169203331");
  EXPECT_TRUE(context.sampled);
  EXPECT_EQ(context.state, "a=1,b=2");
  EXPECT_EQ(continue_trace(kParent, "not a state", random).state, "");
}

TEST(Trace, AChildHasTheTraceAndStateOfItsParent) {
  Random random(1);
  const auto parent = continue_trace(kParent, "a=1", random);
  const auto child = parent.child(random);
  EXPECT_EQ(child.trace, parent.trace);
  EXPECT_EQ(child.state, parent.state);
  EXPECT_TRUE(child.sampled);
  EXPECT_FALSE(child.span == parent.span);
  EXPECT_TRUE(child.span.valid());
}

TEST(Trace, IdsDifferAndRepeatWithTheirSeed) {
  Random random(7);
  Random same(7);
  std::set<std::string, std::less<>> seen;
  for (int i = 0; i < 100; ++i) {
    const auto id = TraceId::make(random);
    EXPECT_EQ(id, TraceId::make(same));
    EXPECT_TRUE(seen.emplace(id.hex().view()).second);
  }
}

TEST(RequestIds, ASaneOneOfTheCallerIsKept) {
  Random random(1);
  for (const auto* header : {"a", "9f8c4a52-1b1e-4f0f-9f59-53f1a1d7a6e1",
                             "Root=1-67891233-abcdef012345678912345678", "a_b.c:d/e+f=g@h~"}) {
    EXPECT_EQ(RequestId::accept(header, random).view(), header);
  }
  const std::string longest(kMaxRequestIdBytes, 'x');
  EXPECT_EQ(RequestId::accept(longest, random).view(), longest);
}

TEST(RequestIds, AnOddOneIsReplaced) {
  Random random(1);
  for (const auto& header :
       {std::string(), std::string("two words"), std::string("a\r\nSet-Cookie: x"),
        std::string("\"quoted\""), std::string("\xC3\xA5"), std::string("<script>"),
        std::string(kMaxRequestIdBytes + 1, 'x'), std::string(1, '\0')}) {
    const auto id = RequestId::accept(header, random);
    EXPECT_NE(id.view(), header);
    EXPECT_EQ(id.view().size(), 32U);
    EXPECT_EQ(id.view().find_first_not_of("0123456789abcdef"), std::string_view::npos);
  }
}

TEST(RequestIds, AreNewEachTimeAndEmptyByDefault) {
  Random random(1);
  EXPECT_TRUE(RequestId().empty());
  const auto one = RequestId::make(random);
  EXPECT_FALSE(one.empty());
  EXPECT_FALSE(one == RequestId::make(random));
  const auto copy = one;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(copy, one);
}

}  // namespace
}  // namespace sluice::telemetry
