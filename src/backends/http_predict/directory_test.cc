#include "backends/http_predict/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "http/client/url.h"
#include "runtime/manual_executor.h"

namespace sluice::http_predict {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

http::Addresses ips(const std::vector<std::string>& list) {
  http::Addresses all;
  for (const std::string& ip : list) all.push_back(*http::Address::parse(ip, 0));
  return all;
}

// Answers when it is told to.
class SlowResolver final : public http::Resolver {
 public:
  void resolve(const std::string& host, Executor&, Done done) override {
    asked.emplace(host, std::move(done));
  }
  void answer(const std::string& host, Result<http::Addresses> result) {
    auto it = asked.find(host);
    ASSERT_NE(it, asked.end()) << host << " was not asked for";
    auto done = std::move(it->second);
    asked.erase(it);
    done(std::move(result));
  }
  std::multimap<std::string, Done> asked;
};

class Directories : public testing::Test {
 protected:
  void make(const std::vector<std::string>& urls) {
    std::vector<Directory::Target> targets;
    for (const std::string& text : urls) {
      const auto url = *http::parse_url(text);
      targets.push_back({http::Origin::of(url), url.path});
    }
    directory_ = std::make_shared<Directory>(std::move(targets), resolver_, set_, 5s);
  }
  bool ensure() {
    Task ready = [this] { ++woken_; };
    return directory_->ensure(executor_, ready);
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& replica : *set_.members()) all.push_back(replica->name());
    return all;
  }

  ManualExecutor executor_;
  SlowResolver resolver_;
  replicas::ReplicaSet set_{{}};
  std::shared_ptr<Directory> directory_;
  int woken_ = 0;
};

TEST(OriginsOf, AreOneForAMachineAndSeveralForSeveral) {
  const auto named = http::Origin::of(*http::parse_url("http://host:81"));
  struct Case {
    std::vector<std::string> addresses;
    std::vector<std::string> origins;
  };
  const Case cases[] = {
      {{}, {}},
      {{"10.0.0.1"}, {"http://host:81"}},
      {{"::1", "127.0.0.1"}, {"http://host:81"}},
      {{"10.0.0.1", "10.0.0.2"}, {"http://host:81 (10.0.0.1)", "http://host:81 (10.0.0.2)"}},
      {{"fd::1", "fd::2", "10.0.0.1"}, {"http://host:81 (fd::1)", "http://host:81 (fd::2)"}},
      {{"fd::1", "10.0.0.1", "10.0.0.2"},
       {"http://host:81 (10.0.0.1)", "http://host:81 (10.0.0.2)"}},
      {{"fd::1", "fd::2", "10.0.0.1", "10.0.0.2"},
       {"http://host:81 (fd::1)", "http://host:81 (fd::2)"}},
  };
  for (const Case& c : cases) {
    std::vector<std::string> got;
    for (const auto& origin : origins_of(named, ips(c.addresses))) {
      got.push_back(to_string(origin));
      EXPECT_TRUE(!origin.address || to_string(*origin.address).ends_with(":81"));
    }
    EXPECT_EQ(got, c.origins);
  }
}

TEST_F(Directories, OfAddressesAreThereAtOnceAndAskNobody) {
  make({"http://10.0.0.1:80/a", "http://[::1]:80", "http+unix://%2Ftmp%2Fs", "http://10.0.0.1/a"});
  EXPECT_TRUE(ensure());
  EXPECT_THAT(names(), ElementsAre("http://10.0.0.1/a", "http://[::1]", "unix:/tmp/s"));
  executor_.advance(1h);
  EXPECT_TRUE(ensure());
  EXPECT_THAT(resolver_.asked, IsEmpty());
}

TEST_F(Directories, MakeTheFirstCallersWaitForTheNames) {
  make({"http://a", "http://b"});
  EXPECT_FALSE(ensure());
  EXPECT_FALSE(ensure());
  EXPECT_EQ(resolver_.asked.size(), 2U) << "asked once, for all who wait";
  resolver_.answer("a", ips({"10.0.0.1", "10.0.0.2"}));
  executor_.run_ready();
  EXPECT_EQ(woken_, 0);
  resolver_.answer("b", fail(unavailable("no b")));
  executor_.run_ready();
  EXPECT_EQ(woken_, 2);
  EXPECT_TRUE(ensure());
  EXPECT_THAT(names(), ElementsAre("http://a (10.0.0.1)", "http://a (10.0.0.2)"));
}

TEST_F(Directories, FollowTheNamesInTheBackground) {
  make({"http://a"});
  EXPECT_FALSE(ensure());
  resolver_.answer("a", ips({"10.0.0.1", "10.0.0.2"}));
  const auto kept = (*set_.members())[1];
  executor_.advance(4s);
  EXPECT_TRUE(ensure());
  EXPECT_THAT(resolver_.asked, IsEmpty());
  executor_.advance(1s);
  EXPECT_TRUE(ensure());
  EXPECT_TRUE(ensure());
  EXPECT_EQ(resolver_.asked.size(), 1U);
  resolver_.answer("a", ips({"10.0.0.2", "10.0.0.3"}));
  EXPECT_THAT(names(), ElementsAre("http://a (10.0.0.2)", "http://a (10.0.0.3)"));
  EXPECT_EQ((*set_.members())[0], kept);
}

TEST_F(Directories, KeepWhatTheyHadWhenANameFailsLater) {
  make({"http://a"});
  EXPECT_FALSE(ensure());
  resolver_.answer("a", ips({"10.0.0.1", "10.0.0.2"}));
  executor_.advance(5s);
  EXPECT_TRUE(ensure());
  resolver_.answer("a", fail(unavailable("the name server is down")));
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(Directories, LetOnlySoManyWait) {
  make({"http://a"});
  for (std::size_t i = 0; i < Directory::kMaxWaiting; ++i) ASSERT_FALSE(ensure());
  EXPECT_TRUE(ensure());
  EXPECT_EQ(directory_->why_empty().code, ErrorCode::kExhausted);
  resolver_.answer("a", ips({"10.0.0.1"}));
  executor_.run_ready();
  EXPECT_EQ(woken_, static_cast<int>(Directory::kMaxWaiting));
}

TEST_F(Directories, SayWhyThereIsNobodyAndAskAgainAfterASecond) {
  make({"http://a"});
  EXPECT_FALSE(ensure());
  resolver_.answer("a", fail(unavailable("no a")));
  executor_.run_ready();
  EXPECT_EQ(woken_, 1);
  EXPECT_TRUE(ensure()) << "not again at once";
  EXPECT_EQ(directory_->why_empty().message, "no a");
  executor_.advance(1s);
  EXPECT_FALSE(ensure());
  resolver_.answer("a", ips({"10.0.0.1"}));
  EXPECT_THAT(names(), ElementsAre("http://a"));
}

}  // namespace
}  // namespace sluice::http_predict
