#include "http/request_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

using Step = RequestParser::Step;

struct Outcome {
  Step step = Step::kNeedMore;
  int status = 0;
  std::string_view reason;
};

// Feeds a whole request head in pieces of `piece` bytes, at a new address each time.
Outcome feed(std::string_view bytes, std::size_t piece, HeadLimits limits = {}) {
  RequestParser parser(limits);
  for (std::size_t end = piece;; end += piece) {
    const std::string copy(bytes.substr(0, end));
    const Step step = parser.feed_head(copy);
    if (step == Step::kRefused) {
      return {step, parser.refusal().status, parser.refusal().reason};
    }
    if (step == Step::kDone || end >= bytes.size()) return {step};
  }
}

TEST(RequestParser, RefusesWhatTwoReadersMightUnderstandDifferently) {
  struct Case {
    std::string_view head;
    int status;
  };
  const Case cases[] = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
      {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"\rGET / HTTP/1.1\r", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\"x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417},
      {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400},
  };
  for (const Case& c : cases) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, c.head.size()}) {
      const Outcome outcome = feed(c.head, piece);
      EXPECT_EQ(outcome.step, Step::kRefused) << c.head;
      EXPECT_EQ(outcome.status, c.status) << c.head << " in pieces of " << piece;
      EXPECT_FALSE(outcome.reason.empty());
    }
  }
}

TEST(RequestParser, ReadsWhatAHeadSaysHoweverItsBytesArrive) {
  const std::string text =
      "\r\nPOST /v2/models/a%20b/infer?x=1&y=2 HTTP/1.1\r\nHost: service_setosa:8000\r\n"
      "Content-Length: 12\r\nConnection: Keep-Alive, close\r\nExpect: 100-Continue\r\nX:\t v \t\r\n"
      "Empty:\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, text.size()}) {
    RequestParser parser({});
    Step step = Step::kNeedMore;
    for (std::size_t end = piece; step == Step::kNeedMore; end += piece) {
      step = parser.feed_head(std::string_view(text).substr(0, end));
    }
    ASSERT_EQ(step, Step::kDone) << parser.refusal().message;
    const RequestHead& head = parser.head();
    EXPECT_EQ(head.method, Method::kPost);
    EXPECT_EQ(head.path, "/v2/models/a%20b/infer");
    EXPECT_EQ(head.query, "x=1&y=2");
    EXPECT_EQ(head.host, "service_setosa:8000");
    EXPECT_EQ(head.content_length, 12U);
    EXPECT_FALSE(head.keep_alive);
    EXPECT_TRUE(head.expects_continue);
    EXPECT_EQ(head.header("x"), "v");
    EXPECT_EQ(head.header("empty"), "");
    EXPECT_EQ(parser.head_size(), text.size());
  }
}

TEST(RequestParser, KeepsAliveByVersionAndByWhatIsSaid) {
  struct Case {
    std::string_view head;
    bool keep_alive;
  };
  const Case cases[] = {{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
                        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
                        {"GET / HTTP/1.0\r\n\r\n", false},
                        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true}};
  for (const Case& c : cases) {
    RequestParser parser({});
    ASSERT_EQ(parser.feed_head(c.head), Step::kDone);
    EXPECT_EQ(parser.head().keep_alive, c.keep_alive) << c.head;
  }
}

TEST(RequestParser, BoundsHeadsByBytesAndByFields) {
  const std::string long_target = "GET /" + std::string(2000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(feed(long_target, 100, {1024, 100}).status, 414);
  const std::string long_field =
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'a') + "\r\n\r\n";
  EXPECT_EQ(feed(long_field, 100, {1024, 100}).status, 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 20; ++i) many += "X: y\r\n";
  EXPECT_EQ(feed(many + "\r\n", 1, {8192, 20}).status, 431);
  EXPECT_EQ(feed(many + "\r\n", 1, {8192, 21}).step, Step::kDone);
}

Step feed_chunks(std::string_view chunks, std::size_t piece, std::string& body, std::size_t limit,
                 int* status = nullptr, std::size_t* left = nullptr) {
  RequestParser parser({});
  EXPECT_EQ(parser.feed_head("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Step::kDone);
  Step step = Step::kNeedMore;
  std::size_t at = 0;
  while (step == Step::kNeedMore && at < chunks.size()) {
    std::size_t consumed = 0;
    step = parser.feed_chunked(chunks.substr(at, piece), body, limit, consumed);
    at += consumed;
  }
  if (status != nullptr && step == Step::kRefused) *status = parser.refusal().status;
  if (left != nullptr) *left = chunks.size() - at;
  return step;
}

TEST(RequestParser, DecodesChunksAndLeavesWhatFollowsToTheNextRequest) {
  const std::string chunks = "5;ext=1\r\nhello\r\nA\r\n, world!!!\r\n0\r\nTrailer: x\r\n\r\nGET / ";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, chunks.size()}) {
    std::string body;
    std::size_t left = 0;
    EXPECT_EQ(feed_chunks(chunks, piece, body, 100, nullptr, &left), Step::kDone);
    EXPECT_EQ(body, "hello, world!!!");
    if (piece == chunks.size()) {
      EXPECT_EQ(left, 6U);
    }
  }
}

TEST(RequestParser, RefusesBrokenAndOversizedChunks) {
  struct Case {
    std::string_view chunks;
    int status;
  };
  const Case cases[] = {{"-5\r\nhello\r\n0\r\n\r\n", 400}, {"0x5\r\nhello\r\n0\r\n\r\n", 400},
                        {"5\nhello\r\n0\r\n\r\n", 400},    {"5\r\nhelloXX0\r\n\r\n", 400},
                        {"FFFFFFFFFFFFFFFFF\r\n", 400},    {"B\r\nhello world\r\n0\r\n\r\n", 413}};
  for (const Case& c : cases) {
    std::string body;
    int status = 0;
    EXPECT_EQ(feed_chunks(c.chunks, 1, body, 10, &status), Step::kRefused) << c.chunks;
    EXPECT_EQ(status, c.status) << c.chunks;
    EXPECT_LE(body.size(), 10U);
  }
}

TEST(RequestParser, ServesOneRequestAfterTheOther) {
  RequestParser parser({});
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(parser.begun());
    EXPECT_EQ(parser.feed_head("GET /x HTTP/1.1\r\nHost: a\r\n\r\n"), Step::kDone);
    EXPECT_EQ(parser.head().headers.size(), 1U);
    parser.reset();
    EXPECT_TRUE(parser.head().headers.empty());
  }
}

TEST(PercentDecode, GivesNothingForBrokenEscapesAndNul) {
  EXPECT_EQ(percent_decode("a%20b"), "a b");
  EXPECT_EQ(percent_decode("%2"), std::nullopt);
  EXPECT_EQ(percent_decode("%g0"), std::nullopt);
  EXPECT_EQ(percent_decode("%00"), std::nullopt);
}

TEST(IsHost, TakesNamesWithUnderscoresAddressesAndPorts) {
  for (const std::string_view good :
       {"a", "service_setosa:8000", "127.0.0.1", "[::1]:80", "a.b-c"}) {
    EXPECT_TRUE(is_host(good)) << good;
  }
  for (const std::string_view bad : {"", "a b", "a:x", "[::1", "a/b", "a:123456", "u@h"}) {
    EXPECT_FALSE(is_host(bad)) << bad;
  }
}

}  // namespace
}  // namespace sluice::http
