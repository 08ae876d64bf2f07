// Bodies that go to their handler as they come.
#include <gtest/gtest.h>

#include <mutex>
#include <string>

#include "base/format.h"
#include "http/server.h"
#include "http/testing_server.h"

namespace sluice::http {
namespace {

using namespace http::testing;
using namespace std::chrono_literals;

// Answers with what it was sent; holds the first part back until it is told to go on, if asked to.
class Upload final : public BodySink {
 public:
  explicit Upload(Exchange& exchange) : exchange_(exchange) {}
  bool on_part(std::string_view part) override {
    got_ += part;
    ++parts_;
    if (got_.starts_with("stop")) {
      exchange_.respond(422, "text/plain", "stopped");
      return false;
    }
    if (parts_ % 2 == 0) return true;
    exchange_.loop().post([this] { exchange_.resume_body(); });
    return false;
  }
  void on_end() override {
    exchange_.respond(200, "text/plain", formatted("got {} {}", got_.size(), got_.substr(0, 9)));
  }
  void on_broken(int status, const Error& why) override { respond_problem(exchange_, status, why); }

 private:
  Exchange& exchange_;
  std::string got_;
  int parts_ = 0;
};

class UploadTest : public ::testing::Test {
 protected:
  void start(ServerLimits limits = {}) {
    server_ = std::make_unique<Server>(threads_, limits, clock_, recorder_, 1);
    auto site = std::make_shared<Site>();
    const auto add = [&](const char* path, bool streams, Handler handler) {
      Route route{Method::kPost, path, std::move(handler), {}, false};
      route.streams_body = streams;
      ASSERT_TRUE(site->router.add(std::move(route)));
    };
    add("/up", true, [](Exchange& x) { x.stream_body(x.attach<Upload>(x)); });
    add("/later", true,
        [](Exchange& x) { x.loop().post([&x] { x.stream_body(x.attach<Upload>(x)); }); });
    add("/no", true, [](Exchange& x) { x.respond(403, "text/plain", "no"); });
    add("/hold", true, [](Exchange& x) {
      x.on_cancel([&x] { x.respond(499, "text/plain", ""); });
      x.stream_body(x.attach<Upload>(x));
    });
    add("/echo", false, [](Exchange& x) { x.respond(200, "text/plain", x.body()); });
    site->listener = "test";
    auto bound =
        server_->listen(*parse_listen_address("127.0.0.1:0"), [&](std::size_t) { return site; });
    ASSERT_TRUE(bound);
    address_ = *bound;
  }
  static std::string sized(std::string_view path, std::string_view body,
                           std::string_view more = "") {
    return formatted("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n{}\r\n{}", path,
                     body.size(), more, body);
  }
  static std::string chunked(std::string_view path, std::string_view body, std::size_t chunk) {
    std::string all =
        formatted("POST {} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", path);
    for (std::size_t at = 0; at < body.size(); at += chunk) {
      const auto part = body.substr(at, chunk);
      all += formatted("{:x}\r\n{}\r\n", part.size(), part);
    }
    return all + "0\r\n\r\n";
  }

  SystemClock clock_;
  Recorder recorder_;
  IoThreads threads_{1};
  std::unique_ptr<Server> server_;
  ListenAddress address_;
};

TEST_F(UploadTest, TakesBodiesOfEverySizeAndFramingAndGoesOnAfterThem) {
  start({.body_bytes = 1024});
  for (const char* path : {"/up", "/later"}) {
    for (const std::size_t size : {0UL, 1UL, 5'000UL, 300'000UL, 3'000'000UL}) {
      const std::string body(size, 'b');
      Peer peer(address_);
      peer.send(sized(path, body) + chunked(path, body, 7'000) + sized("/echo", "the end"));
      const std::string all = peer.read_until("the end");
      const std::string answer = formatted("got {} {}", size, body.substr(0, 9));
      const auto first = all.find(answer);
      ASSERT_NE(first, std::string::npos) << path << size << all;
      EXPECT_NE(all.find(answer, first + 1), std::string::npos) << path << size;
      EXPECT_TRUE(all.contains("the end")) << path << size;
    }
  }
}

TEST_F(UploadTest, TakesManySmallChunks) {
  start();
  Peer peer(address_);
  peer.send(chunked("/up", std::string(60'000, 'c'), 1));
  EXPECT_TRUE(peer.read_until("ccccccccc").contains("got 60000 ccccccccc"));
}

TEST_F(UploadTest, InvitesABodyThatWaitsForIt) {
  start();
  Peer peer(address_);
  peer.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(peer.read_until("\r\n\r\n").contains("100 Continue"));
  peer.send("hello");
  EXPECT_TRUE(peer.read_until("hello").contains("got 5 hello"));
}

TEST_F(UploadTest, ClosesAfterAnAnswerBeforeTheEnd) {
  start();
  for (const auto& [path, words] : {std::pair("/no", "403"), std::pair("/up", "stopped")}) {
    Peer peer(address_);
    peer.send(sized(path, "stop" + std::string(500'000, 'x')) + sized("/echo", "never"));
    const std::string all = peer.read_all();
    EXPECT_TRUE(all.contains(words)) << all;
    EXPECT_TRUE(all.contains("Connection: close")) << all;
    EXPECT_FALSE(all.contains("never"));
  }
}

TEST_F(UploadTest, RefusesWhatIsTooLargeBrokenOrStandsStill) {
  start({.upload_bytes = 2048, .body_idle_timeout = 50ms});
  const std::string large(3000, 'x');
  const std::pair<std::string, const char*> rows[] = {
      {sized("/up", large), "413"},
      {chunked("/up", large, 500), "413"},
      {"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
      {"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "408"}};
  for (const auto& [request, status] : rows) {
    Peer peer(address_);
    peer.send(request);
    const std::string all = peer.read_all();
    EXPECT_TRUE(all.contains(formatted("HTTP/1.1 {} ", status))) << request.substr(0, 99) << all;
  }
}

TEST_F(UploadTest, TellsTheHandlerOfAClientThatGoesAway) {
  start();
  {
    Peer peer(address_);
    peer.send("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    ASSERT_TRUE(recorder_.wait([&] { return recorder_.in_flight == 1; }));
  }
  EXPECT_TRUE(recorder_.wait([&] { return recorder_.cancelled == 1; }));
}

}  // namespace
}  // namespace sluice::http
