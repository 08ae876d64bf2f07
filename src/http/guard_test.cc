#include "http/guard.h"

#include <gtest/gtest.h>

#include "http/router.h"
#include "http/testing_exchange.h"

namespace sluice::http {
namespace {

// Lets in who sends X-API-Key, and notes what was asked for.
class FakeGuard final : public Guard {
 public:
  using Guard::Guard;
  std::vector<Scope> asked;

 private:
  Result<> do_admit(Exchange& exchange, Scope scope) override {
    asked.push_back(scope);
    if (exchange.head().header("X-API-Key")) return {};
    return fail({ErrorCode::kExhausted, "too often", std::chrono::seconds(3)});
  }
};

class GuardTest : public testing::Test {
 protected:
  GuardTest() {
    router_.guard(guard_);
    add({.pattern = "/any"});
    add({.pattern = "/call", .scope = Scope::kCall});
    add({.pattern = "/probe", .probe = true});
    add({.pattern = "/watched", .probe = true, .scope = Scope::kAdmin});
    add({.pattern = "/open", .scope = Scope::kOpen});
    router_.guard(nullptr);
    add({.pattern = "/later", .scope = Scope::kAdmin});
  }
  void add(Route route) {
    route.handler = [](Exchange& x) { x.respond(200, "text/plain", "in"); };
    EXPECT_TRUE(router_.add(std::move(route)));
  }
  TestExchange& get(std::string path, bool with_key = false) {
    TestExchange::Request request{.path = std::move(path)};
    if (with_key) request.headers.emplace_back("X-API-Key", "k");
    exchange_ = std::make_unique<TestExchange>(loop_, std::move(request));
    exchange_->serve(router_);
    return *exchange_;
  }

  EventLoop loop_;
  std::atomic<bool> active_ = true;
  std::shared_ptr<FakeGuard> guard_ = std::make_shared<FakeGuard>(active_);
  Router router_;
  std::unique_ptr<TestExchange> exchange_;
};

TEST_F(GuardTest, IsAskedWithWhatTheRouteNeeds) {
  for (const char* path : {"/any", "/call", "/watched"}) {
    EXPECT_EQ(get(path, true).answer, "in");
    EXPECT_EQ(get(path).status, 429) << path;
  }
  EXPECT_EQ(guard_->asked, (std::vector{Scope::kAny, Scope::kAny, Scope::kCall, Scope::kCall,
                                        Scope::kAdmin, Scope::kAdmin}));
}

TEST_F(GuardTest, IsNotAskedForWhatIsOpenOrWasAddedWithoutIt) {
  for (const char* path : {"/probe", "/open", "/later"}) EXPECT_EQ(get(path).answer, "in") << path;
  EXPECT_TRUE(guard_->asked.empty());
}

TEST_F(GuardTest, IsNotAskedWhileItIsInactive) {
  active_ = false;
  EXPECT_EQ(get("/call").answer, "in");
  active_ = true;
  EXPECT_EQ(get("/call").status, 429);
  EXPECT_EQ(guard_->asked.size(), 1U);
}

TEST_F(GuardTest, RefusesInTheFormOfTheProtocol) {
  EXPECT_EQ(get("/call").content_type, "application/problem+json");
  EXPECT_EQ(exchange_->headers.find("Retry-After"), "3");
  router_.tell_errors("/call", [](Exchange& x, int status, const Error& why, const HeaderList*) {
    x.respond(status, "text/plain", why.message);
  });
  EXPECT_EQ(get("/call").answer, "too often");
}

}  // namespace
}  // namespace sluice::http
