// The server's small parts: router, addresses, PROXY protocol, gzip, answer heads, problems.
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "http/address.h"
#include "http/answer.h"
#include "http/gzip.h"
#include "http/headers.h"
#include "http/kept_message.h"
#include "http/later.h"
#include "http/proxy_protocol.h"
#include "http/router.h"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

Router router_of(std::initializer_list<std::pair<Method, const char*>> routes) {
  Router router;
  for (const auto& [method, pattern] : routes) {
    EXPECT_TRUE(router.add({method, pattern, [](Exchange&) {}, {}, false}).has_value()) << pattern;
  }
  return router;
}

TEST(Router, FindsExactRoutesBeforeParameters) {
  const Router router = router_of({{Method::kGet, "/v2/models/{model}"},
                                   {Method::kGet, "/v2/models/special"},
                                   {Method::kPost, "/v2/models/{model}/infer"}});
  EXPECT_EQ(router.find(Method::kGet, "/v2/models/special").route->pattern, "/v2/models/special");
  const auto match = router.find(Method::kGet, "/v2/models/a%2Fb");
  ASSERT_NE(match.route, nullptr);
  ASSERT_EQ(match.params.size(), 1U);
  EXPECT_EQ(match.params[0].name, "model");
  EXPECT_EQ(match.params[0].value, "a/b");
  EXPECT_NE(router.find(Method::kPost, "/v2/models/special/infer").route, nullptr);
}

TEST(Router, TakesAVerbBehindAParameter) {
  const Router router = router_of({{Method::kGet, "/v1/models/{model}"},
                                   {Method::kPost, "/v1/models/{model}:predict"},
                                   {Method::kPost, "/v1/models/{model}/versions/{version}:predict"},
                                   {Method::kGet, "/v1/models/{model}/metadata"}});
  const auto predict = router.find(Method::kPost, "/v1/models/a%2Fb:predict");
  ASSERT_NE(predict.route, nullptr);
  ASSERT_EQ(predict.params.size(), 1U);
  EXPECT_EQ(predict.params[0].name, "model");
  EXPECT_EQ(predict.params[0].value, "a/b");
  const auto version = router.find(Method::kPost, "/v1/models/x:predict/versions/2:predict");
  ASSERT_NE(version.route, nullptr);
  EXPECT_EQ(version.params[0].value, "x:predict");
  EXPECT_EQ(version.params[1].value, "2");
  EXPECT_EQ(router.find(Method::kGet, "/v1/models/a:predict").allow, "POST, OPTIONS");
  // Neither another verb nor a parameter of nothing is it.
  EXPECT_EQ(router.find(Method::kPost, "/v1/models/a:classify").allow, "GET, HEAD, OPTIONS");
  EXPECT_EQ(router.find(Method::kGet, "/v1/models/a:classify").params[0].value, "a:classify");
  EXPECT_EQ(router.find(Method::kPost, "/v1/models/:predict").route, nullptr);
  EXPECT_EQ(router.find(Method::kPost, "/v1/models/a%3Apredict").route, nullptr);
}

TEST(Router, AnswersAWrongMethodWithTheOnesThatWork) {
  const Router router = router_of({{Method::kGet, "/health"}, {Method::kPost, "/predict"}});
  EXPECT_NE(router.find_exact(Method::kHead, "/health"), nullptr);
  EXPECT_EQ(router.find_exact(Method::kPost, "/health"), nullptr);
  EXPECT_EQ(router.find(Method::kPost, "/health").allow, "GET, HEAD, OPTIONS");
  EXPECT_EQ(router.find(Method::kGet, "/predict").allow, "POST, OPTIONS");
  const auto unknown = router.find(Method::kGet, "/nothing");
  EXPECT_EQ(unknown.route, nullptr);
  EXPECT_TRUE(unknown.allow.empty());
}

TEST(Router, TellsErrorsInTheFormOfTheNearestPrefix) {
  Router router;
  const ErrorForm own = [](Exchange&, int, const Error&, const HeaderList*) {};
  const ErrorForm nearer = [](Exchange&, int, const Error&, const HeaderList*) {};
  const ErrorForm problem = router.error_form("/v2");
  router.tell_errors("/v2", own);
  router.tell_errors("/v2/more", nearer);
  EXPECT_EQ(router.error_form("/v2"), own);
  EXPECT_EQ(router.error_form("/v2/models/a"), own);
  EXPECT_EQ(router.error_form("/v2/more/a"), nearer);
  EXPECT_EQ(router.error_form("/v20"), problem);
  EXPECT_EQ(router.error_form(""), problem);
}

TEST(Router, RefusesRoutesThatOverlap) {
  Router router = router_of({{Method::kGet, "/a/{x}"}});
  const auto add = [&](const char* pattern) {
    return router.add({Method::kGet, pattern, [](Exchange&) {}, {}, false});
  };
  EXPECT_EQ(add("/a/{x}").error().code, ErrorCode::kConflict);
  EXPECT_EQ(add("/a/{y}/b").error().code, ErrorCode::kConflict);
  EXPECT_EQ(add("a").error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(add("/a/{x}/b").has_value());
  EXPECT_EQ(add("/a/{y}:verb").error().code, ErrorCode::kConflict);
  EXPECT_TRUE(add("/a/{x}:verb").has_value());
  EXPECT_EQ(add("/a/{x}:verb").error().code, ErrorCode::kConflict);
}

TEST(ListenAddress, ReadsHostsPortsAndSockets) {
  EXPECT_EQ(to_string(*parse_listen_address("127.0.0.1:80")), "127.0.0.1:80");
  EXPECT_EQ(to_string(*parse_listen_address("[::1]:80")), "[::1]:80");
  EXPECT_EQ(to_string(*parse_listen_address("unix:/a.sock")), "unix:/a.sock");
  EXPECT_TRUE(parse_listen_address("localhost:1")->is_loopback());
  EXPECT_FALSE(parse_listen_address("0.0.0.0:1")->is_loopback());
  for (const char* bad : {"", "80", "host:80", "127.0.0.1:", "127.0.0.1:70000", "unix:"}) {
    EXPECT_FALSE(parse_listen_address(bad).has_value()) << bad;
  }
}

TEST(NetworkList, ContainsByPrefixAndSeesMappedAddressesAsIpv4) {
  const auto list = *NetworkList::parse({"10.0.0.0/8", "192.168.1.7", "fd00::/8", "unix"});
  for (const char* in : {"10.255.0.1", "192.168.1.7", "fd12::1", "unix", "::ffff:10.0.0.1"}) {
    EXPECT_TRUE(list.contains(in)) << in;
  }
  for (const char* out : {"11.0.0.1", "192.168.1.8", "fe80::1", "nonsense"}) {
    EXPECT_FALSE(list.contains(out)) << out;
  }
  for (const char* bad : {"10.0.0.0/33", "x", "::/129", "10.0.0.0/"}) {
    EXPECT_FALSE(NetworkList::parse({bad}).has_value()) << bad;
  }
}

TEST(ForwardedPeer, BelievesOnlyWhatTrustedProxiesAdded) {
  const auto trusted = *NetworkList::parse({"10.0.0.0/8"});
  struct Case {
    const char* peer;
    const char* header;
    const char* expected;
  };
  const Case cases[] = {
      {"10.0.0.1", "1.2.3.4", "1.2.3.4"}, {"10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"},
      {"9.9.9.9", "1.2.3.4", "9.9.9.9"},  {"10.0.0.1", "1.2.3.4, garbage", "10.0.0.1"},
      {"10.0.0.1", "", "10.0.0.1"},
  };
  for (const Case& c : cases) EXPECT_EQ(forwarded_peer(c.peer, c.header, trusted), c.expected);
}

TEST(ProxyProtocol, ReadsBothVersionsPieceByPiece) {
  const std::string v1 = "PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\r\n";
  std::string v2("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x03\xe8\0\x50",
                 28);
  for (const std::string& header : {v1, v2}) {
    for (std::size_t n = 0; n < header.size(); ++n) {
      EXPECT_EQ(parse_proxy_header(header.substr(0, n)).step, ProxyHeader::Step::kNeedMore) << n;
    }
    const auto done = parse_proxy_header(header + "GET");
    EXPECT_EQ(done.step, ProxyHeader::Step::kDone);
    EXPECT_EQ(done.size, header.size());
    EXPECT_EQ(done.source, "1.2.3.4");
  }
  EXPECT_EQ(parse_proxy_header("PROXY UNKNOWN\r\n").source, "");
  for (const std::string& bad : {std::string("GET / HTTP/1.1\r\n"), std::string("PROXY TCP4 x\r\n"),
                                 "PROXY " + std::string(200, 'a')}) {
    EXPECT_EQ(parse_proxy_header(bad).step, ProxyHeader::Step::kInvalid) << bad;
  }
  v2[12] = '\x31';
  EXPECT_EQ(parse_proxy_header(v2).step, ProxyHeader::Step::kInvalid);
}

TEST(Gzip, IsTakenByThoseWhoAcceptItAndReadsBack) {
  for (const char* yes : {"gzip", "br, GZIP;q=0.5", "*", "deflate, *;q=0.1"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const char* no : {"", "br", "gzip;q=0", "gzip;q=0.0, *", "identity"}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
  EXPECT_TRUE(is_compressible("application/json; charset=utf-8"));
  EXPECT_FALSE(is_compressible("application/octet-stream"));
  const std::string text(100'000, 'x');
  const std::string packed = gzip(text);
  EXPECT_LT(packed.size(), 1000U);
  std::string back(text.size(), '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 31), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(back.data());
  stream.avail_out = static_cast<uInt>(back.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflateEnd(&stream);
  EXPECT_EQ(back, text);
}

TEST(AnswerHead, SaysLengthDateAndWhetherTheConnectionStays) {
  const HeaderList headers{{"X-A", "b"}};
  std::string out;
  append_answer_head(out, {404, "text/plain", &headers}, {.close = true, .length = 12}, "now");
  EXPECT_EQ(out,
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nDate: "
            "now\r\nConnection: close\r\nX-A: b\r\n");
  out.clear();
  append_answer_head(out, {200, {}, nullptr}, {.keep_alive_said = true, .chunked = true}, "now");
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: now\r\nConnection: "
            "keep-alive\r\n");
}

TEST(DateCache, WritesTheDateAsHttpWantsIt) {
  DateCache dates;
  EXPECT_EQ(dates.at(WallTime(784111777s)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(dates.at(WallTime(784111777s + 900ms)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(dates.at(WallTime(784111778s)), "Sun, 06 Nov 1994 08:49:38 GMT");
}

TEST(Problem, EveryCodeHasAStatusAndTheMessageIsEscaped) {
  for (std::size_t i = 0; i < kErrorCodeCount; ++i) {
    EXPECT_GE(status_of(static_cast<ErrorCode>(i)), 400);
  }
  EXPECT_EQ(
      problem_json(422, invalid("a \"b\"\n")),
      R"({"title":"Unprocessable Content","status":422,"detail":"a \"b\"\n","code":"invalid"})");
  EXPECT_EQ(retry_after_seconds(1ms), "1");
  EXPECT_EQ(retry_after_seconds(1001ms), "2");
}

TEST(Headers, AreFoundWithoutCaseAndReplacedInPlace) {
  HeaderList list{{"A", "1"}};
  list.set("a", "2");
  list.set("b", "3");
  EXPECT_EQ(list.find("A"), "2");
  EXPECT_EQ(list.fields().size(), 2U);
  EXPECT_TRUE(has_token("a, Close ,b", "close"));
  EXPECT_FALSE(has_token("closed", "close"));
  EXPECT_TRUE(is_token("X-Ok_1"));
  EXPECT_FALSE(is_token("no good"));
  EXPECT_FALSE(is_field_value("a\r\nb"));
  EXPECT_EQ(trim("\t a "), "a");
  EXPECT_EQ(trim("  "), "");
}

TEST(Preference, IsFoundInAListWithoutCaseAndBesideParameters) {
  struct Case {
    std::string_view field;
    std::optional<std::string_view> wait;
    bool async;
  };
  for (const Case& c : {Case{"respond-async, wait=10", "10", true},
                        Case{"Wait = 5 ; x=y ,Respond-Async;now", "5", true},
                        Case{"return=minimal", std::nullopt, false},
                        Case{"respond-asynchronously", std::nullopt, false},
                        Case{"wait", "", false}, Case{",,", std::nullopt, false}}) {
    RequestHead head;
    head.headers.push_back({"prefer", c.field});
    EXPECT_EQ(preference(head, "wait"), c.wait) << c.field;
    EXPECT_EQ(prefers_async(head), c.async) << c.field;
  }
  EXPECT_FALSE(prefers_async(RequestHead()));
}

TEST(KeptMessage, ComesBackAsItWas) {
  const KeptMessage kept{.first_line = "POST /a?b=c",
                         .headers = {{"content-type", "a: b"}, {"empty", ""}},
                         .body = std::string("\n\0 {", 4)};
  const auto read = KeptMessage::read(kept.to_text());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->first_line, kept.first_line);
  EXPECT_EQ(read->headers.fields(), kept.headers.fields());
  EXPECT_EQ(read->body, kept.body);
}

TEST(KeptMessage, IsRefusedWhereItIsCutOff) {
  for (const std::string_view text : {"", "200", "200\n", "200\na: b\n", "200\nab\n\n"}) {
    EXPECT_FALSE(KeptMessage::read(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::http
