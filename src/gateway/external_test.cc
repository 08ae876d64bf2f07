#include "gateway/external.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/gateway.h"
#include "runtime/manual_executor.h"

namespace sluice::gateway {
namespace {

using ::testing::HasSubstr;

struct Kept final : Sink {
  void on_result(Result<Response> r) override { result = std::move(r); }
  std::optional<Result<Response>> result;
};

TEST(External, IsListedAndReadyAndRefusesACallWithWhatToDoInstead) {
  const ManualClock clock;
  telemetry::Metrics metrics;
  telemetry::Instruments instruments{metrics};
  Gateway gateway(clock, instruments);
  ASSERT_TRUE(gateway.configure({ExternalSpec{"resize", "{\"url\": ..}"}}));
  gateway.set_accepting(true);
  EXPECT_TRUE(gateway.ready());
  const RegistryPtr registry = gateway.snapshot();
  const auto found = registry->find("resize");
  ASSERT_TRUE(found);
  EXPECT_EQ(registry->entry("resize")->kind, CallableKind::kExternal);
  EXPECT_EQ((**found)->describe().kind, CallableKind::kExternal);
  Kept sink;
  (**found)->start({}, make_request(InferRequest()), sink);
  ASSERT_TRUE(sink.result);
  EXPECT_EQ(sink.result->error().code, ErrorCode::kInvalid);
  EXPECT_THAT(sink.result->error().message, HasSubstr("/v1/jobs"));
}

}  // namespace
}  // namespace sluice::gateway
