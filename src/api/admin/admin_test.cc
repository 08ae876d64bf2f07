#include "api/admin/admin.h"

#include <gtest/gtest.h>

#include <thread>

#include "gateway/testing_mount.h"
#include "http/json/writer.h"
#include "inference/queue_status.h"
#include "inference/testing_callable.h"

namespace sluice::admin {
namespace {

using gateway::ModelSpec;
using gateway::VersionState;
using gateway::testing::MountBench;
using http::Method;
using sluice::testing::FakeCallable;

class AdminTest : public ::testing::Test, protected MountBench {
 protected:
  void add(AdminOptions options = {}) {
    kept_ = add_admin(router, mount("/ops", ""), std::move(options)).value();
  }
  std::shared_ptr<FakeCallable> fake_ = std::make_shared<FakeCallable>("m");
  std::shared_ptr<const void> kept_;
};

// A callable with slots.
class Slotted final : public FakeCallable, public Queued {
 public:
  Slotted() : FakeCallable("slotted") {}
  [[nodiscard]] QueueStatus queue_status() const override { return status; }
  QueueStatus status{.slots = 1, .accepting = true};
};

TEST_F(AdminTest, ShowsTheMetricsAsPrometheusReadsThem) {
  add();
  metrics.counter({.name = "tested_total", .help = "Tests."}).add();
  const auto& x = get("/ops/metrics");
  EXPECT_EQ(x.status, 200);
  EXPECT_TRUE(x.content_type.starts_with("text/plain; version=0.0.4"));
  EXPECT_NE(x.answer.find("tested_total 1"), std::string::npos);
}

TEST_F(AdminTest, ListsEveryVersionAndWhyItIsNotReady) {
  add();
  configure({ModelSpec{.name = "m",
                       .versions = {{"1", VersionState::kReady, "", fake_},
                                    {"2", VersionState::kUnavailable, "not \"ONNX\"", nullptr}}},
             gateway::EnsembleSpec{"all", {{"m", "m"}}, {}}});
  EXPECT_EQ(get("/ops/admin/models").answer,
            R"([{"name":"m","kind":"model","version":"1","state":"READY"},)"
            R"({"name":"m","kind":"model","version":"2","state":"UNAVAILABLE",)"
            R"("reason":"not \"ONNX\""},)"
            R"({"name":"all","kind":"ensemble","version":"1","state":"READY"}])");
  configure({});
  EXPECT_EQ(get("/ops/admin/models").answer, "[]");
}

TEST_F(AdminTest, ShowsWhoHoldsASlotAndForHowLong) {
  add();
  auto busy = std::make_shared<Slotted>();
  busy->status = {
      .realtime_waiting = 1,
      .best_effort_waiting = 2,
      .slots = 3,
      .held = 1,
      .depth = 10,
      .accepting = false,
      .holders = {{"request-7", ServiceClass::kBestEffort, std::chrono::seconds(400), true}}};
  configure({ModelSpec{.name = "m", .versions = {{"1", VersionState::kReady, "", fake_}}},
             ModelSpec{.name = "busy", .versions = {{"1", VersionState::kReady, "", busy}}}});
  EXPECT_EQ(get("/ops/admin/slots").answer,
            R"([{"callable":"busy","slots":3,"realtime_waiting":1,"best_effort_waiting":2,)"
            R"("accepting":false,"held":[{"holder":"request-7","class":"best_effort",)"
            R"("age_seconds":400,"overdue":true}]}])");
}

TEST_F(AdminTest, ShowsTheSlotsOfTheOthersWhereAVersionIsNotReady) {
  add();
  configure(
      {ModelSpec{.name = "m",
                 .versions = {{"1", VersionState::kUnavailable, "unloaded", nullptr},
                              {"2", VersionState::kLoading, "", nullptr}}},
       ModelSpec{.name = "idle",
                 .versions = {{"1", VersionState::kReady, "", std::make_shared<Slotted>()}}}});
  const auto& x = get("/ops/admin/slots");
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer, R"([{"callable":"idle","slots":1,"realtime_waiting":0,)"
                      R"("best_effort_waiting":0,"accepting":true,"held":[]}])");
}

TEST_F(AdminTest, LoadsAModelThatAnswersFromAnotherThread) {
  add();
  ModelSpec spec{.name = "my model"};
  std::thread worker;
  spec.load = [&](ModelSpec::Done done) {
    worker = std::thread([done = std::move(done)] { done({}); });
  };
  configure({spec});
  auto& x = post("/ops/admin/models/my%20model/load");
  x.wait();
  worker.join();
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer, R"({"status":"ok"})");
}

TEST_F(AdminTest, SaysWhyAModelCouldNotBeUnloaded) {
  add();
  ModelSpec spec{.name = "m"};
  spec.unload = [](const ModelSpec::Done& done) { done(fail(ErrorCode::kConflict, "busy")); };
  configure({spec});
  auto& x = post("/ops/admin/models/m/unload");
  x.wait();
  EXPECT_EQ(x.status, 409);
  EXPECT_NE(x.answer.find(R"("detail":"busy")"), std::string::npos);
}

TEST_F(AdminTest, KnowsNoModelOfAnotherName) {
  add();
  auto& x = post("/ops/admin/models/gone/load");
  x.wait();
  EXPECT_EQ(x.status, 404);
}

TEST_F(AdminTest, AnswersNamesThatAreNoTextWithTextAllTheSame) {
  add();
  auto& x = post("/ops/admin/models/%ff%22/load");
  x.wait();
  EXPECT_EQ(x.status, 404);
  EXPECT_TRUE(json::is_utf8(x.answer));
  EXPECT_NE(x.answer.find("\xEF\xBF\xBD\\\""), std::string::npos) << x.answer;
}

TEST_F(AdminTest, SaysWhatBecameOfAReload) {
  AdminOptions::Done asked;
  add({.reload = [&](auto done) { asked = std::move(done); }});
  auto& good = post("/ops/admin/reload");
  EXPECT_EQ(good.status, 0) << "not before it is over";
  std::thread([&] { asked({}); }).join();
  good.wait();
  EXPECT_EQ(good.status, 200);
  auto& x = post("/ops/admin/reload");
  std::thread([&] { asked(fail(invalid("line 3: unknown key"))); }).join();
  x.wait();
  EXPECT_EQ(x.status, 422);
  EXPECT_NE(x.answer.find("line 3: unknown key"), std::string::npos);
}

TEST_F(AdminTest, AsksForItsKeyOnEveryPath) {
  bool reloaded = false;
  add({.key = "secret", .reload = [&](auto done) {
         reloaded = true;
         done({});
       }});
  const std::vector<std::pair<Method, std::string>> paths{
      {Method::kGet, "/ops/metrics"},
      {Method::kGet, "/ops/admin/models"},
      {Method::kGet, "/ops/admin/slots"},
      {Method::kPost, "/ops/admin/reload"},
      {Method::kPost, "/ops/admin/models/m/load"},
      {Method::kPost, "/ops/admin/models/m/unload"}};
  EXPECT_EQ(paths.size(), router.routes().size()) << "every route is in the table";
  for (const auto& [method, path] : paths) {
    EXPECT_EQ(serve({method, path, "", {}}).status, 401) << path;
    for (const std::string wrong : {"", "secre", "secrets", "Secret"}) {
      EXPECT_EQ(serve({method, path, "", {{"X-API-Key", wrong}}}).status, 401) << path << wrong;
    }
  }
  EXPECT_FALSE(reloaded);
  EXPECT_EQ(serve({Method::kGet, "/ops/metrics", "", {{"X-API-Key", "secret"}}}).status, 200);
}

TEST_F(AdminTest, TakesAPrincipalOfScopeAdminInPlaceOfItsKey) {
  add({.key = "secret"});
  for (const bool admin : {true, false}) {
    http::TestExchange x(loop, {Method::kGet, "/ops/metrics", "", {}});
    x.principal = std::make_shared<const Principal>(Principal{.scopes = {.admin = admin}});
    x.serve(router);
    EXPECT_EQ(x.status, admin ? 200 : 401);
  }
}

TEST_F(AdminTest, GuardsMetricsOnlyWhereItHasAKey) {
  const auto scope_of_metrics = [this] {
    return router.find(Method::kGet, "/ops/metrics").route->needs();
  };
  add();
  EXPECT_EQ(scope_of_metrics(), Scope::kOpen);
  router = http::Router();
  add({.key = "secret"});
  EXPECT_EQ(scope_of_metrics(), Scope::kAdmin);
  EXPECT_EQ(router.find(Method::kGet, "/ops/admin/models").route->needs(), Scope::kAdmin);
}

TEST_F(AdminTest, RefusesAPrefixThatIsTaken) {
  add();
  EXPECT_EQ(add_admin(router, mount("/ops", ""), {}).error().code, ErrorCode::kConflict);
}

TEST_F(AdminTest, AnswersWhetherItLivesAndWhetherItIsReady) {
  ASSERT_TRUE(add_health(router, gateway));
  EXPECT_EQ(get("/health/live").answer, R"({"status":"live"})");
  EXPECT_EQ(get("/health/ready").status, 503);
  EXPECT_EQ(get("/health/ready").error->code, ErrorCode::kUnavailable);
  gateway.set_accepting(true);
  EXPECT_EQ(get("/health/ready").answer, R"({"status":"ready"})");
  EXPECT_FALSE(add_health(router, gateway)) << "once a listener";
}

}  // namespace
}  // namespace sluice::admin
