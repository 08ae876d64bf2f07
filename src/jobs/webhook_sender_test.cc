#include "jobs/webhook_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/format.h"
#include "http/client/client_fixture.h"

namespace sluice::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// What is due, and what was said of it.
class FakeDeliveries final : public DeliveryStore {
 public:
  struct Settled {
    std::string id;
    bool again = false;
    Duration wait{};
  };
  void claim_deliveries(Executor& home, std::size_t most, Duration,
                        Done<std::vector<Delivery>> done) override {
    std::vector<Delivery> taken;
    while (!due.empty() && taken.size() < most) {
      taken.push_back(std::move(due.front()));
      due.pop_front();
    }
    home.post(
        [done = std::move(done), taken = std::move(taken)]() mutable { done(std::move(taken)); });
  }
  void settle_delivery(Executor& home, Ticket delivery, std::optional<Duration> again,
                       Done<void> done) override {
    settled.push_back({delivery.id, again.has_value(), again.value_or(Duration())});
    home.post([this, done = std::move(done)]() mutable {
      done({});
      if (settled.size() == expected) on_all();
    });
  }
  std::deque<Delivery> due;
  std::vector<Settled> settled;
  std::size_t expected = 1;
  std::function<void()> on_all;
};

class WebhookSenderTest : public ::testing::Test {
 protected:
  struct NoSink final : telemetry::LogSink {
    bool write(std::string_view, const std::atomic<bool>&) override { return true; }
  };

  http::TestServer& serve(std::string answer) {
    server_ = std::make_unique<http::TestServer>(
        loop_, [answer = std::move(answer), this](auto& peer, const std::string& request, int) {
          requests_.push_back(request);
          peer.send(answer);
        });
    return *server_;
  }
  void due(const std::string& id, const std::string& url, std::uint32_t attempt = 1) {
    Job job;
    job.id = id;
    job.state = JobState::kCompleted;
    job.webhook = url;
    deliveries_.due.push_back({std::move(job), R"({"big":1})", attempt});
  }
  // Until all that is due has been settled.
  void run(WebhookOptions options = {}) {
    options.key = "key";
    deliveries_.expected = deliveries_.due.size();
    WebhookSender sender({.home = loop_,
                          .store = deliveries_,
                          .hub = hub_,
                          .resolver = resolver_,
                          .clock = clock_,
                          .metrics = metrics_,
                          .log = log_,
                          .job_json =
                              [](const Job& job, std::string_view output) {
                                return formatted(R"({{"id":"{}","result":"{}"}})", job.id,
                                                 output.size());
                              }},
                         options, 7);
    deliveries_.on_all = [&] { sender.drain([&] { loop_.stop(); }); };
    loop_.post([&] { sender.start(); });
    loop_.run();
  }
  [[nodiscard]] std::string local(const char* host) const {
    return formatted("http://{}:{}/hook", host, server_->port());
  }

  SystemClock clock_;
  telemetry::Metrics metrics_;
  telemetry::Log log_{{}, clock_, std::make_unique<NoSink>()};
  EventLoop loop_;
  http::TableResolver resolver_;
  Hub hub_;
  FakeDeliveries deliveries_;
  std::unique_ptr<http::TestServer> server_;
  std::vector<std::string> requests_;
};

constexpr const char* kOk = "HTTP/1.1 204 No Content\r\n\r\n";

TEST_F(WebhookSenderTest, SendsASignedMessageAndIsDone) {
  serve(kOk);
  resolver_.table["example.test"] = {"127.0.0.1"};
  due("j1", local("example.test"));
  run({.allow_private = true});
  ASSERT_THAT(requests_, SizeIs(1));
  EXPECT_THAT(requests_[0], HasSubstr("POST /hook HTTP/1.1\r\n"));
  EXPECT_THAT(requests_[0], HasSubstr("webhook-id: j1\r\n"));
  EXPECT_THAT(requests_[0], HasSubstr("webhook-signature: v1,"));
  EXPECT_THAT(requests_[0], HasSubstr(formatted("Host: example.test:{}\r\n", server_->port())));
  EXPECT_THAT(requests_[0], HasSubstr(R"("type":"job.completed")"));
  EXPECT_FALSE(deliveries_.settled[0].again);
}

TEST_F(WebhookSenderTest, SendsNothingWhereANameLeadsToAPrivateAddress) {
  serve(kOk);
  resolver_.table["rebound.test"] = {"127.0.0.1", "10.0.0.1", "::1"};
  due("j1", local("rebound.test"));
  run();
  EXPECT_THAT(requests_, SizeIs(0));
  EXPECT_FALSE(deliveries_.settled[0].again) << "it would be the same for ever";
}

TEST_F(WebhookSenderTest, TriesAgainAfterAFailureAndAtLastGivesUp) {
  serve("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
  resolver_.table["example.test"] = {"127.0.0.1"};
  due("first", local("example.test"));
  due("last", local("example.test"), 10);
  due("nowhere", "http://unknown.test/");
  run({.allow_private = true});
  ASSERT_THAT(deliveries_.settled, SizeIs(3));
  for (const auto& settled : deliveries_.settled) {
    EXPECT_EQ(settled.again, settled.id != "last") << settled.id;
    if (settled.again) {
      EXPECT_LE(settled.wait, std::chrono::seconds(5)) << settled.id;
    }
  }
}

TEST_F(WebhookSenderTest, WaitsAsLongAsTheReceiverAsks) {
  serve("HTTP/1.1 503 No\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n");
  resolver_.table["example.test"] = {"127.0.0.1"};
  due("j1", local("example.test"));
  run({.allow_private = true});
  EXPECT_EQ(deliveries_.settled[0].wait, std::chrono::minutes(2));
}

TEST_F(WebhookSenderTest, SendsNothingMoreToWhoIsGone) {
  serve("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
  resolver_.table["example.test"] = {"127.0.0.1"};
  due("j1", local("example.test"));
  due("j2", local("example.test"));
  run({.allow_private = true, .concurrency = 1});
  EXPECT_THAT(requests_, SizeIs(1));
  ASSERT_THAT(deliveries_.settled, SizeIs(2));
  EXPECT_FALSE(deliveries_.settled[0].again || deliveries_.settled[1].again);
}

TEST_F(WebhookSenderTest, LeavesAResultOutThatIsTooLong) {
  serve(kOk);
  resolver_.table["example.test"] = {"127.0.0.1"};
  due("j1", local("example.test"));
  deliveries_.due.front().output = std::string(5000, 'x');
  run({.allow_private = true, .max_body_bytes = 60});
  EXPECT_THAT(requests_[0], HasSubstr(R"("result":"0")"));
}

}  // namespace
}  // namespace sluice::jobs
