#include "access/keyring.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "telemetry/metrics.h"

namespace sluice::access {
namespace {

class KeyringTest : public testing::Test {
 protected:
  KeyringTest() { start(); }
  ~KeyringTest() override {
    ring_.reset();
    std::filesystem::remove_all(root_);
  }

  static std::filesystem::path make_folder() {
    std::string made = (std::filesystem::temp_directory_path() / "ring-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) throw std::runtime_error("no temporary folder");
    return made;
  }
  void start() { ring_.emplace(Keyring::Services{clock_, instruments_, *log_}, root_); }
  std::string make_key(const std::string& name, std::optional<Quota> quota = {}) {
    std::string text;
    EXPECT_TRUE(file_.change([&](std::vector<KeyRecord>& keys) -> Result<> {
      KeyRecord wanted{.name = name, .tenant = name, .scopes = {}, .quota = quota};
      text = add_key(keys, wanted, clock_.wall(), kernel_secrets()).value();
      return {};
    }));
    return text;
  }
  void revoke(const std::string& name) {
    EXPECT_TRUE(file_.change([&](std::vector<KeyRecord>& keys) -> Result<> {
      EXPECT_TRUE(revoke_key(keys, name, clock_.wall()));
      return {};
    }));
  }
  Result<> configure(const AccessOptions& options = {}, bool beyond_loopback = false) {
    auto prepared = ring_->prepare(options, beyond_loopback);
    if (!prepared) return fail(prepared.error());
    ring_->commit(std::move(*prepared));
    return {};
  }
  const Key* find(const std::string& text) {
    keys_ = ring_->keys();
    const auto found = keys_->by_digest.find(sha256(text));
    return found == keys_->by_digest.end() ? nullptr : &found->second;
  }
  std::uint64_t spend(const std::string& text, int times) {
    const Key* key = find(text);
    QuotaCounter::Spent spent;
    for (int i = 0; i < times; ++i) spent = key->use->quota.spend(*key->quota, clock_.wall());
    return spent.used.count;
  }

  std::filesystem::path root_ = make_folder();
  ManualClock clock_;
  telemetry::Metrics metrics_;
  telemetry::Instruments instruments_{metrics_};
  std::unique_ptr<telemetry::Log> log_ =
      telemetry::Log::open({.output = "/dev/null"}, clock_).value();
  KeyFile file_{root_};
  KeysPtr keys_;
  std::optional<Keyring> ring_;
};

TEST_F(KeyringTest, IsInactiveWithoutKeys) {
  ASSERT_TRUE(configure({}, true));
  EXPECT_FALSE(ring_->active());
  EXPECT_FALSE(ring_->keys()->required);
}

TEST_F(KeyringTest, AsksForAKeyAsItIsToldOrBeyondLoopbackOnceThereIsOne) {
  struct Case {
    std::optional<bool> required;
    bool beyond_loopback, keys;
    bool expected;
  };
  for (const bool keys : {false, true}) {
    if (keys) make_key("a");
    for (const Case& c : std::vector<Case>{{{}, false, false, false},
                                           {{}, true, false, false},
                                           {true, false, false, true},
                                           {false, true, false, false},
                                           {{}, false, true, false},
                                           {{}, true, true, true},
                                           {true, false, true, true},
                                           {false, true, true, false}}) {
      if (c.keys != keys) continue;
      ASSERT_TRUE(configure({.required = c.required}, c.beyond_loopback));
      EXPECT_EQ(ring_->keys()->required, c.expected);
      EXPECT_EQ(ring_->active(), c.expected || c.keys);
    }
  }
}

TEST_F(KeyringTest, NoticesAKeyThatIsMadeOrRevoked) {
  ASSERT_TRUE(configure({}, true));
  const auto before = ring_->version().load();
  ring_->poll();
  EXPECT_EQ(ring_->version(), before) << "nothing changed";
  const std::string text = make_key("a");
  EXPECT_EQ(find(text), nullptr);
  ring_->poll();
  ASSERT_NE(find(text), nullptr);
  EXPECT_FALSE(find(text)->revoked);
  EXPECT_TRUE(ring_->active());
  EXPECT_TRUE(ring_->keys()->required);
  revoke("a");
  ring_->poll();
  ASSERT_NE(find(text), nullptr);
  EXPECT_TRUE(find(text)->revoked);
  EXPECT_TRUE(ring_->keys()->required) << "no key left is not the same as no keys";
}

TEST_F(KeyringTest, KeepsItsKeysWhenTheFileIsDamagedOrGone) {
  const std::string text = make_key("a");
  ASSERT_TRUE(configure());
  ASSERT_TRUE(write_file(file_.path(), "damaged"));
  ring_->poll();
  EXPECT_NE(find(text), nullptr);
  EXPECT_FALSE(configure()) << "a reload says so";
  EXPECT_NE(find(text), nullptr);
  std::filesystem::remove(file_.path());
  ring_->poll();
  EXPECT_NE(find(text), nullptr);
  const std::string other = make_key("b");
  ring_->poll();
  EXPECT_EQ(find(text), nullptr);
  EXPECT_NE(find(other), nullptr);
}

TEST_F(KeyringTest, KnowsTheKeysOfTheConfigurationToo) {
  const std::string text = make_key("a");
  const KeyOptions same{.name = "named", .sha256 = hex(sha256(text)), .scopes = {"admin"}};
  const KeyOptions other{.name = "other", .sha256 = hex(sha256("any text"))};
  ASSERT_TRUE(configure({.keys = {same, other}}));
  ASSERT_NE(find("any text"), nullptr);
  EXPECT_EQ(find("any text")->principal.name, "other");
  ASSERT_NE(find(text), nullptr);
  EXPECT_EQ(find(text)->principal.name, "named") << "the configuration says what it may";
  revoke("a");
  ring_->poll();
  EXPECT_TRUE(find(text)->revoked) << "revoked is revoked";
  ASSERT_TRUE(configure({}));
  EXPECT_EQ(find("any text"), nullptr);
}

TEST_F(KeyringTest, KeepsWhatAKeyHasUsedOverReloads) {
  const std::string text = make_key("a", Quota{10, Period::kDay});
  ASSERT_TRUE(configure());
  EXPECT_EQ(spend(text, 3), 3U);
  ASSERT_TRUE(configure());
  EXPECT_EQ(spend(text, 1), 4U);
}

TEST_F(KeyringTest, KeepsQuotasOverAnEndAndForgetsInACrashWhatWasNotSaved) {
  const std::string text = make_key("a", Quota{10, Period::kDay});
  ASSERT_TRUE(configure());
  spend(text, 3);
  start();  // an orderly end of the one before
  ASSERT_TRUE(configure());
  EXPECT_EQ(spend(text, 1), 4U);
  ring_->save_quotas();
  spend(text, 2);
  std::filesystem::copy(root_ / "quota.json", root_ / "kept");
  start();
  std::filesystem::rename(root_ / "kept", root_ / "quota.json");  // as a crash would have left it
  ASSERT_TRUE(configure());
  EXPECT_EQ(spend(text, 1), 5U);
}

TEST_F(KeyringTest, RefusesToStartOnADamagedQuotaFile) {
  ASSERT_TRUE(write_file(root_ / "quota.json", "damaged"));
  const auto configured = configure();
  ASSERT_FALSE(configured);
  EXPECT_NE(configured.error().message.find("quota.json"), std::string::npos);
}

TEST_F(KeyringTest, WatchesOnAThreadOfItsOwn) {
  ASSERT_TRUE(configure());
  ring_->watch();
  const auto before = ring_->version().load();
  const std::string text = make_key("a");
  while (ring_->version() == before) std::this_thread::yield();
  EXPECT_NE(find(text), nullptr);
}

TEST_F(KeyringTest, ShowsWhatIsInUse) {
  const std::string text = make_key("a", Quota{10, Period::kDay});
  make_key("b");
  revoke("b");
  ASSERT_TRUE(configure());
  spend(text, 3);
  ring_->poll();
  double usable = -1;
  double used = -1;
  for (const auto& family : metrics_.collect()) {
    if (family.name == "sluice_keys") usable = family.series.at(0).value;
    if (family.name == "sluice_key_quota_used") used = family.series.at(0).value;
  }
  EXPECT_EQ(usable, 1);
  EXPECT_EQ(used, 3);
}

TEST_F(KeyringTest, IsSeenByEachThreadAtItsNextLook) {
  KeyView view(*ring_);
  EXPECT_TRUE(view.now().by_digest.empty());
  const std::string text = make_key("a");
  ASSERT_TRUE(configure());
  const Keys& keys = view.now();
  ASSERT_EQ(keys.by_digest.size(), 1U);
  const PrincipalPtr principal = view.share(keys.by_digest.begin()->second);
  ASSERT_TRUE(configure({.keys = {}}));
  revoke("a");
  ring_->poll();
  EXPECT_TRUE(view.now().by_digest.begin()->second.revoked);
  EXPECT_EQ(principal->name, "a") << "what was shared stays";
}

}  // namespace
}  // namespace sluice::access
