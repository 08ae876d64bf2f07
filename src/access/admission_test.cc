#include "access/admission.h"

#include <gtest/gtest.h>

#include "telemetry/metrics.h"

namespace sluice::access {
namespace {

using namespace std::chrono_literals;

TEST(Shown, IsTheKeyOfEitherHeader) {
  struct Case {
    std::string_view api_key, authorization, expected;
  };
  for (const Case& c : std::vector<Case>{{"", "", ""},
                                         {"k", "", "k"},
                                         {"", "Bearer k", "k"},
                                         {"", "bearer  k ", "k"},
                                         {"", "Basic k", ""},
                                         {"", "Bearer", ""},
                                         {"", "Bearer ", ""},
                                         {"", "Bearerk", ""},
                                         {"k", "Bearer other", "k"}}) {
    EXPECT_EQ((Shown{c.api_key, c.authorization}.key()), c.expected) << c.authorization;
  }
}

TEST(LimitedAddress, IsTheAddressOrTheNetworkOfASix) {
  EXPECT_EQ(limited_address("127.0.0.1"), std::nullopt);
  EXPECT_EQ(limited_address("127.9.9.9"), std::nullopt);
  EXPECT_EQ(limited_address("::1"), std::nullopt);
  EXPECT_EQ(limited_address("::ffff:127.0.0.1"), std::nullopt);
  EXPECT_EQ(limited_address("unix"), std::nullopt);
  EXPECT_EQ(limited_address(""), std::nullopt);
  EXPECT_NE(limited_address("192.0.2.1"), std::nullopt);
  EXPECT_NE(limited_address("192.0.2.1"), limited_address("192.0.2.2"));
  EXPECT_EQ(limited_address("192.0.2.1"), limited_address("::ffff:192.0.2.1"));
  EXPECT_EQ(limited_address("2001:db8:0:1::1"), limited_address("2001:db8:0:1:ffff::2"));
  EXPECT_NE(limited_address("2001:db8:0:1::1"), limited_address("2001:db8:0:2::1"));
}

class AdmissionTest : public testing::Test {
 protected:
  void configure(AccessOptions options) {
    auto prepared = ring_.prepare(options, false);
    ASSERT_TRUE(prepared);
    ring_.commit(std::move(*prepared));
  }
  static KeyOptions key(std::string name, std::vector<std::string> scopes = {"callables=*"}) {
    const std::string text = std::string(kKeyPrefix) + name;
    return {.name = std::move(name), .sha256 = hex(sha256(text)), .scopes = std::move(scopes)};
  }
  void limit(Rate rate) { rules_.addresses = std::make_shared<AddressBuckets>(rate, 1000); }

  // "ok NAME", "ok" where nobody was asked, or the code and the message.
  std::string ask(std::string_view shown, Scope scope = Scope::kCall,
                  std::string_view address = "192.0.2.1") {
    if (!admission_) admission_.emplace(ring_, rules_, clock_, instruments_);
    principal_.reset();
    limits_.clear();
    const auto admitted = admission_->admit(
        {.shown = {.api_key = shown}, .address = address, .scope = scope, .now = clock_.now()},
        principal_, limits_);
    retry_after_.reset();
    if (!admitted) {
      EXPECT_EQ(principal_, nullptr);
      retry_after_ = admitted.error().retry_after;
      return std::string(to_string(admitted.error().code)) + ": " + admitted.error().message;
    }
    return principal_ == nullptr ? "ok" : "ok " + principal_->name;
  }
  double counted(std::string_view family, std::string_view label) {
    for (const auto& each : metrics_.collect()) {
      if (each.name != family) continue;
      for (const auto& series : each.series) {
        if (series.label_values.back() == label) return series.value;
      }
    }
    return -1;
  }

  ManualClock clock_;
  telemetry::Metrics metrics_;
  telemetry::Instruments instruments_{metrics_};
  std::unique_ptr<telemetry::Log> log_ =
      telemetry::Log::open({.output = "/dev/null"}, clock_).value();
  Keyring ring_{{clock_, instruments_, *log_}, std::nullopt};
  Admission::Rules rules_;
  std::optional<Admission> admission_;
  PrincipalPtr principal_;
  LimitFields limits_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

TEST_F(AdmissionTest, AsksForAKeyWhereOneIsRequired) {
  configure({.required = true, .keys = {key("a")}});
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
  EXPECT_EQ(ask(""),
            "unauthenticated: a key is asked for: send it in X-API-Key, or as "
            "Authorization: Bearer");
  EXPECT_EQ(ask("sk-sluice-b"), "unauthenticated: the key is not known here");
  EXPECT_EQ(ask("anything"), "unauthenticated: the key is not known here");
  EXPECT_EQ(ask(std::string(10'000, 'x')), "unauthenticated: the key is not known here");
  EXPECT_EQ(counted("sluice_refusals_total", "unauthenticated"), 4);
  EXPECT_EQ(counted("sluice_key_requests_total", "admitted"), 1);
}

TEST_F(AdmissionTest, LetsStrangersInWhereNoneIsRequired) {
  configure({.required = false, .keys = {key("a")}});
  EXPECT_EQ(ask(""), "ok");
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
  EXPECT_EQ(ask("what a client sends by habit"), "ok");
  EXPECT_EQ(ask("sk-sluice-b"), "unauthenticated: the key is not known here")
      << "a key of ours that is not good";
}

TEST_F(AdmissionTest, RefusesKeysThatAreOver) {
  KeyOptions expiring = key("a");
  expiring.expires = time_text(clock_.wall() + 1h);
  configure({.required = false, .keys = {expiring}});
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
  clock_.advance(1h);
  EXPECT_EQ(ask("sk-sluice-a"), "unauthenticated: the key 'a' has expired");
}

TEST_F(AdmissionTest, ChecksScopes) {
  configure({.required = true,
             .keys = {key("caller"), key("jobs", {"jobs"}), key("admin", {"admin"}),
                      key("worker", {"work"}), key("none", {})}});
  struct Case {
    std::string name;
    Scope scope;
    bool may;
  };
  for (const Case& c : std::vector<Case>{{"caller", Scope::kCall, true},
                                         {"caller", Scope::kAny, true},
                                         {"caller", Scope::kJobs, false},
                                         {"caller", Scope::kAdmin, false},
                                         {"jobs", Scope::kJobs, true},
                                         {"jobs", Scope::kCall, false},
                                         {"worker", Scope::kWork, true},
                                         {"worker", Scope::kJobs, false},
                                         {"admin", Scope::kAdmin, true},
                                         {"none", Scope::kAny, true},
                                         {"none", Scope::kCall, false}}) {
    const std::string said = ask("sk-sluice-" + c.name, c.scope);
    EXPECT_EQ(said.starts_with("ok"), c.may) << c.name << ": " << said;
    if (!c.may) {
      EXPECT_TRUE(said.starts_with("forbidden: this needs the scope ")) << said;
    }
  }
  EXPECT_EQ(counted("sluice_refusals_total", "forbidden"), 5);
}

TEST_F(AdmissionTest, LeavesAdministrationToTheMountThatHasAKeyOfItsOwn) {
  rules_.own_key = true;
  configure({.required = true, .keys = {key("caller"), key("admin", {"admin"})}});
  EXPECT_EQ(ask("its own key", Scope::kAdmin), "ok");
  EXPECT_EQ(ask("", Scope::kAdmin), "ok");
  EXPECT_EQ(ask("sk-sluice-admin", Scope::kAdmin), "ok admin");
  EXPECT_TRUE(ask("sk-sluice-caller", Scope::kAdmin).starts_with("forbidden"));
  EXPECT_TRUE(ask("its own key", Scope::kCall).starts_with("unauthenticated"));
}

TEST_F(AdmissionTest, HoldsAKeyToItsRate) {
  KeyOptions slow = key("a");
  slow.rate = "2/1m";
  configure({.required = true, .keys = {slow, key("free")}});
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
  EXPECT_EQ(limits_,
            "RateLimit-Policy: \"default\";q=2;w=60\r\nRateLimit: \"default\";r=1;t=30\r\n");
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
  EXPECT_EQ(ask("sk-sluice-a"), "exhausted: the key 'a' has a rate of 2/1m");
  EXPECT_EQ(retry_after_, 30s);
  EXPECT_EQ(limits_,
            "RateLimit-Policy: \"default\";q=2;w=60\r\nRateLimit: \"default\";r=0;t=60\r\n");
  EXPECT_EQ(ask("sk-sluice-free"), "ok free");
  EXPECT_EQ(limits_, "");
  clock_.advance(30s);
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
  EXPECT_EQ(counted("sluice_refusals_total", "rate"), 1);
  EXPECT_EQ(counted("sluice_key_requests_total", "rate"), 1);
}

TEST_F(AdmissionTest, HoldsAKeyToItsQuota) {
  KeyOptions small = key("a");
  small.quota = "2/day";
  small.rate = "100/1s";
  configure({.required = true, .keys = {small}});
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
  EXPECT_TRUE(limits_.starts_with(
      "RateLimit-Policy: \"default\";q=100;w=1, \"quota\";q=2;w=86400\r\nRateLimit: "
      "\"default\";r=99;t=1, \"quota\";r=1;t="))
      << limits_;
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
  EXPECT_EQ(ask("sk-sluice-a"), "exhausted: the key 'a' has used its quota of 2/day");
  ASSERT_TRUE(retry_after_);
  clock_.advance(*retry_after_);
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
}

TEST_F(AdmissionTest, HoldsAnAddressWithoutAKeyToTheRateOfTheMount) {
  limit({1, 1min});
  configure({.required = false, .keys = {key("a")}});
  EXPECT_EQ(ask(""), "ok");
  EXPECT_EQ(limits_,
            "RateLimit-Policy: \"default\";q=1;w=60\r\nRateLimit: \"default\";r=0;t=60\r\n");
  EXPECT_EQ(ask(""), "exhausted: an address without a key has a rate of 1/1m");
  EXPECT_EQ(retry_after_, 1min);
  EXPECT_EQ(ask("", Scope::kCall, "192.0.2.2"), "ok");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ask("sk-sluice-a"), "ok a") << "a key is not held to it";
    EXPECT_EQ(ask("", Scope::kCall, "127.0.0.1"), "ok");
    EXPECT_EQ(limits_, "");
    EXPECT_EQ(ask("", Scope::kCall, "unix"), "ok");
  }
}

TEST_F(AdmissionTest, HoldsThoseWhoTryKeysToTheRateToo) {
  limit({2, 1min});
  configure({.required = true, .keys = {key("a")}});
  EXPECT_TRUE(ask("sk-sluice-b").starts_with("unauthenticated"));
  EXPECT_TRUE(ask("sk-sluice-c").starts_with("unauthenticated"));
  EXPECT_TRUE(ask("sk-sluice-d").starts_with("exhausted"));
  EXPECT_EQ(ask("sk-sluice-a"), "ok a");
}

}  // namespace
}  // namespace sluice::access
