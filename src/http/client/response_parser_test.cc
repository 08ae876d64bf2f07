#include "http/client/response_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using State = ResponseParser::State;
using testing::HasSubstr;

// Fed in pieces of every size, an answer must come out the same.
struct Good {
  std::string_view text;
  int status;
  std::string_view body;
  bool reusable;
  bool to_head = false;
  bool ends_with_close = false;
};

TEST(ResponseParser, ReadsAnswersHoweverTheyAreCut) {
  const Good cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n",
       200, "hello", true},
      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false},
      {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", 304, "", true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 200, "", true, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "", true, true},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
       200, "ok", true},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end", false, false, true},
      {"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", 503, "", true},
  };
  for (const Good& c : cases) {
    for (std::size_t step = 1; step <= c.text.size(); ++step) {
      ResponseParser parser({});
      parser.begin(c.to_head, nullptr, nullptr);
      EXPECT_FALSE(parser.heard());
      State state = State::kMore;
      for (std::size_t at = 0; at < c.text.size(); at += step) {
        ASSERT_EQ(state, State::kMore) << c.text;
        state = parser.feed(c.text.substr(at, step));
      }
      if (c.ends_with_close) {
        ASSERT_EQ(state, State::kMore);
        state = parser.end();
      }
      ASSERT_EQ(state, State::kDone) << c.text << parser.error().message;
      EXPECT_EQ(parser.reusable(), c.reusable) << c.text << " by " << step;
      const ClientResponse response = parser.take();
      EXPECT_EQ(response.status, c.status);
      EXPECT_EQ(response.body, c.body);
      EXPECT_GE(response.body.capacity(), response.body.size() + 64);
      EXPECT_FALSE(response.headers.find("Link")) << "fields of an interim answer stay away";
    }
  }
}

TEST(ResponseParser, KeepsHeaderFieldsAndTrailers) {
  ResponseParser parser({});
  parser.begin(false, nullptr, nullptr);
  ASSERT_EQ(
      parser.feed("HTTP/1.1 200 OK\r\nX-A:  one \r\nx-b: two\r\nTransfer-Encoding: chunked\r\n"
                  "\r\n1\r\nz\r\n0\r\nX-End: yes\r\n\r\n"),
      State::kDone);
  const ClientResponse response = parser.take();
  EXPECT_EQ(response.headers.find("x-a"), "one");
  EXPECT_EQ(response.headers.find("X-B"), "two");
  EXPECT_FALSE(response.headers.find("X-End"));
  EXPECT_EQ(response.trailers.find("x-end"), "yes");
}

TEST(ResponseParser, DoesNotReuseAConnectionThatSaidMoreThanItsAnswer) {
  ResponseParser parser({});
  parser.begin(false, nullptr, nullptr);
  EXPECT_EQ(parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200"),
            State::kDone);
  EXPECT_FALSE(parser.reusable());
  EXPECT_EQ(parser.take().body, "ok");
}

TEST(ResponseParser, ServesOneAnswerAfterTheOther) {
  ResponseParser parser({});
  for (const std::string body : {"one", "two"}) {
    parser.begin(false, nullptr, nullptr);
    EXPECT_EQ(parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + body), State::kDone);
    EXPECT_EQ(parser.take().body, body);
    EXPECT_TRUE(parser.reusable());
  }
}

TEST(ResponseParser, SaysWhyItIsNoAnswer) {
  struct Case {
    std::string text;
    std::string_view message;
  };
  const Case cases[] = {
      {"SSH-2.0-OpenSSH\r\n", "the answer is not HTTP"},
      {"HTTP/1.1 OK\r\n\r\n", "the answer is not HTTP"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "not HTTP"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "not HTTP"},
      {"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", "not HTTP"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "not HTTP"},
      {"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", "switches protocols"},
  };
  for (const Case& c : cases) {
    ResponseParser parser({});
    parser.begin(false, nullptr, nullptr);
    ASSERT_EQ(parser.feed(c.text), State::kFailed) << c.text;
    EXPECT_EQ(parser.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(parser.error().message, HasSubstr(c.message));
  }
}

TEST(ResponseParser, SaysWhereAnAnswerWasCutOff) {
  struct Case {
    std::string text;
    std::string_view message;
  };
  const Case cases[] = {
      {"", "closed the connection without an answer"},
      {"HTTP/1.1 200 O", "closed the connection in the head of its answer"},
      {"HTTP/1.1 100 Continue\r\n\r\n", "closed the connection in the head of its answer"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "after 4 of 10 bytes"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "after 4 bytes"},
  };
  for (const Case& c : cases) {
    ResponseParser parser({});
    parser.begin(false, nullptr, nullptr);
    ASSERT_EQ(parser.feed(c.text), State::kMore);
    ASSERT_EQ(parser.end(), State::kFailed) << c.text;
    EXPECT_EQ(parser.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(parser.error().message, HasSubstr(c.message));
  }
}

TEST(ResponseParser, KeepsToItsLimits) {
  const ResponseLimits limits{.head_bytes = 100, .headers = 3, .body_bytes = 10};
  struct Case {
    std::string text;
    std::string_view message;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const Case cases[] = {
      {ok + "A: " + std::string(200, 'a'), "head of the answer is over 100 bytes"},
      {std::string("HTTP/1.1 200 ").append(200, 'a'), "head of the answer is over 100 bytes"},
      {ok + "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", "over 3 header fields"},
      {ok + "Content-Length: 11\r\n\r\n", "body of the answer is over 10 bytes"},
      {ok + "\r\n12345678901", "body of the answer is over 10 bytes"},
      {ok + "Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901", "body of the answer is over"},
      {ok + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(200, 'x'), "over 100 bytes"},
      {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + std::string(200, 'x'), "over 100 bytes"},
  };
  for (const Case& c : cases) {
    ResponseParser parser(limits);
    parser.begin(false, nullptr, nullptr);
    ASSERT_EQ(parser.feed(c.text), State::kFailed) << c.text;
    EXPECT_EQ(parser.error().code, ErrorCode::kTooLarge);
    EXPECT_THAT(parser.error().message, HasSubstr(c.message));
  }
}

TEST(ResponseParser, HandsABodyOnAsItComesAndStopsWhenTold) {
  ResponseParser parser({});
  std::vector<std::string> parts;
  int heads = 0;
  ResponseParser::OnHead on_head = [&](const ClientResponse& head) {
    ++heads;
    EXPECT_EQ(head.status, 200);
  };
  ResponseParser::OnBody on_body = [&](std::string_view part) {
    parts.emplace_back(part);
    return parts.size() < 2;
  };
  parser.begin(false, &on_head, &on_body);
  EXPECT_EQ(parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab"), State::kMore);
  EXPECT_EQ(parser.feed("cd"), State::kFailed);
  EXPECT_EQ(parser.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(heads, 1);
  EXPECT_THAT(parts, testing::ElementsAre("ab", "cd"));
}

}  // namespace
}  // namespace sluice::http
