#include "backends/generation_wire/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/json/reader.h"

namespace sluice::generation_wire {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Refusals, MeanTheSameForAllDialects) {
  struct Case {
    int status;
    std::string_view body;
    ErrorCode code;
    std::string_view message;
  };
  const Case cases[] = {
      {400, R"({"error":{"message":"too long","type":"invalid_request_error","code":null}})",
       ErrorCode::kInvalid, "the engine answered 400: too long"},
      {422, R"({"detail":[{"loc":["body"]}]})", ErrorCode::kInvalid,
       "the engine answered 422: [{\"loc\":[\"body\"]}]"},
      {400, R"({"object":"error","message":"no","code":400})", ErrorCode::kInvalid,
       "the engine answered 400: no"},
      {401, "", ErrorCode::kUnavailable, "the engine does not take our key (401)"},
      {403, R"({"error":"x"})", ErrorCode::kUnavailable,
       "the engine does not take our key (403): x"},
      {404, R"({"error":"model 'm' not found"})", ErrorCode::kUnavailable,
       "the engine does not have the model (404): model 'm' not found"},
      {408, "", ErrorCode::kTimeout, "the engine answered 408"},
      {504, "", ErrorCode::kTimeout, "the engine answered 504"},
      {405, "", ErrorCode::kInternal, "the engine answered 405"},
      {501, "", ErrorCode::kInternal, "the engine answered 501"},
      {413, "", ErrorCode::kTooLarge, "the engine answered 413"},
      {429, R"({"error":{"message":"slow down","code":429}})", ErrorCode::kExhausted,
       "the engine answered 429: slow down"},
      {503, R"({"error":"server busy, please try again.  maximum pending requests exceeded"})",
       ErrorCode::kExhausted, "the engine answered 503: server busy, please"},
      {503, R"({"error":{"message":"Loading model"}})", ErrorCode::kUnavailable,
       "the engine answered 503: Loading model"},
      {500, "<html>\n<b>", ErrorCode::kInternal, "the engine answered 500: <html> <b>"},
      {502, "\xFF\xFE", ErrorCode::kUnavailable,
       "the engine answered 502: (bytes that are no text)"},
      {302, "", ErrorCode::kUnavailable, "the engine answered 302 (redirections are not followed)"},
  };
  for (const Case& c : cases) {
    const Error error = error_of(c.status, {}, c.body);
    EXPECT_EQ(error.code, c.code) << c.status;
    EXPECT_THAT(error.message, StartsWith(c.message));
  }
}

TEST(Refusals, OfAPromptThatIsTooLongAreToldApart) {
  const std::pair<std::string_view, ErrorDetail> cases[] = {
      {R"({"error":{"message":"m","code":"context_length_exceeded"}})",
       ErrorDetail::kContextLength},
      {R"({"error":{"message":"m","code":400,"type":"exceed_context_size_error"}})",
       ErrorDetail::kContextLength},
      {R"({"error":{"message":"m","code":400}})", ErrorDetail::kNone},
      {R"({"error":"m"})", ErrorDetail::kNone},
  };
  json::Reader reader;
  for (const auto& [body, detail] : cases) {
    EXPECT_EQ(error_of(400, {}, body).detail, detail) << body;
    EXPECT_EQ(error_in(reader.parse_copy(body).value())->detail, detail) << body;
  }
}

TEST(Refusals, SayWhenToComeBack) {
  EXPECT_EQ(error_of(429, {{"Retry-After", "2"}}, "").retry_after, 2s);
  EXPECT_EQ(error_of(503, {{"Retry-After", "1.5"}}, "").retry_after, 1500ms);
  EXPECT_EQ(error_of(429, {{"Retry-After", "9"}, {"retry-after-ms", "40"}}, "").retry_after, 40ms);
  EXPECT_EQ(error_of(429, {{"Retry-After", "1e300"}}, "").retry_after, 24h);
  EXPECT_EQ(error_of(429, {{"Retry-After", "soon"}}, "").retry_after, std::nullopt);
  EXPECT_EQ(error_of(429, {{"Retry-After", "-1"}}, "").retry_after, std::nullopt);
  EXPECT_EQ(error_of(500, {{"Retry-After", "2"}}, "").retry_after, std::nullopt);
}

TEST(Refusals, AreBoundedWhateverTheEngineSays) {
  const std::string umlauts = [] {
    std::string text = "x";
    for (int i = 0; i < 1000; ++i) text += "\xC3\xA4";
    return text;
  }();
  EXPECT_LE(bounded(umlauts).size(), kMaxSaid + 3);
  EXPECT_TRUE(bounded(umlauts).ends_with("\xC3\xA4..."));
  EXPECT_LE(error_of(500, {}, std::string(100'000, 'x')).message.size(), 2 * kMaxSaid);
  EXPECT_EQ(bounded("a\r\nb\x7f"), "a  b ");
}

TEST(ErrorsInTheMiddle, ComeInManyForms) {
  struct Case {
    std::string_view json;
    std::optional<ErrorCode> code;
    std::string_view message;
  };
  const Case cases[] = {
      {R"({"error":null,"choices":[]})", std::nullopt, ""},
      {R"({"choices":[]})", std::nullopt, ""},
      {"[]", std::nullopt, ""},
      {R"({"error":"it broke"})", ErrorCode::kInternal, "the engine gave up: it broke"},
      {R"({"error":{"message":"m","code":429}})", ErrorCode::kExhausted, "429: m"},
      {R"({"error":{"message":"m","code":"429"}})", ErrorCode::kExhausted, "429: m"},
      {R"({"error":{"message":"m","type":"rate_limit_error","code":null}})", ErrorCode::kExhausted,
       "429: m"},
      {R"({"error":{"message":"m","code":"context_length_exceeded"}})", ErrorCode::kInvalid,
       "400: m"},
      {R"({"error":{"message":"m","type":"server_error","code":500}})", ErrorCode::kInternal,
       "500: m"},
      {R"({"object":"error","message":"m","code":400})", ErrorCode::kInvalid, "400: m"},
      {R"({"error":{"code":7}})", ErrorCode::kInternal, "the engine gave up: {\"code\":7}"},
      {R"({"error":""})", ErrorCode::kInternal, "it does not say why"},
      {R"({"error":{"code":"99999999999999"}})", ErrorCode::kInternal, "gave up"},
  };
  json::Reader reader;
  for (const Case& c : cases) {
    const auto error = error_in(reader.parse_copy(c.json).value());
    ASSERT_EQ(error.has_value(), c.code.has_value()) << c.json;
    if (!error) continue;
    EXPECT_EQ(error->code, *c.code) << c.json;
    EXPECT_THAT(error->message, HasSubstr(c.message)) << c.json;
  }
}

}  // namespace
}  // namespace sluice::generation_wire
