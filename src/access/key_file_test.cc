#include "access/key_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace sluice::access {
namespace {

WallTime at(std::string_view text) {
  return parse_time(text).value();
}

KeyRecord named(std::string name) {
  return {.name = std::move(name), .tenant = "team", .scopes = {.callables = {"*"}}};
}

const WallTime kNow = at("2026-11-26T01:00:00Z");

TEST(KeyFileText, IsReadAsItIsWritten) {
  std::vector<KeyRecord> keys;
  ASSERT_TRUE(add_key(keys, named("plain"), kNow, kernel_secrets()));
  KeyRecord full = named("full");
  full.scopes = {.callables = {"iris", "team_*"}, .jobs = true, .work = true, .admin = true};
  full.ceiling = ServiceClass::kBestEffort;
  full.rate = Rate{100, std::chrono::minutes(1)};
  full.quota = Quota{1000, Period::kMonth};
  full.expires = at("2027-01-01");
  ASSERT_TRUE(add_key(keys, full, kNow, kernel_secrets()));
  ASSERT_TRUE(revoke_key(keys, "full", kNow));
  EXPECT_EQ(parse_key_file(key_file_text(keys), "k").value(), keys);
  EXPECT_EQ(parse_key_file(key_file_text({}), "k").value(), std::vector<KeyRecord>());
}

TEST(KeyFileText, ThatIsDamagedIsAnErrorWithItsPlace) {
  const std::string digest(64, '0');
  const auto with = [&](const std::string& changed, const std::string& value) {
    std::string text = R"({"format":1,"keys":[{)";
    const std::pair<const char*, std::string> fields[] = {
        {"id", "\"abcdefgh\""}, {"name", "\"n\""},      {"sha256", '"' + digest + '"'},
        {"tenant", "\"t\""},    {"scopes", "[]"},       {"class", "\"realtime\""},
        {"rate", "\"1/1m\""},   {"quota", "\"1/day\""}, {"created", "\"2026-11-26\""}};
    bool known = false;
    for (const auto& [name, standard] : fields) {
      const bool this_one = name == changed;
      known = known || this_one;
      if (this_one && value.empty()) continue;
      text += std::string(text.ends_with('{') ? "" : ",") + '"' + name +
              "\":" + (this_one ? value : standard);
    }
    if (!known) text += ",\"" + changed + "\":" + value;
    return text + "}]}";
  };
  ASSERT_TRUE(parse_key_file(with("name", "\"n\""), "f")) << "the frame itself is good";
  struct Case {
    std::string text;
    std::string expected;
  };
  for (const Case& c : std::vector<Case>{
           {"", "f: the file is empty"},
           {R"({"format":1,"keys":[)", "f: not JSON at byte"},
           {"[]", "f: format: expected the number"},
           {R"({"format":2,"keys":[]})", "f: format: this is format 2, and this version"},
           {R"({"format":1})", "f: keys: expected a list"},
           {R"({"format":1,"keys":[1]})", "f: keys[0]: expected an object, got 1"},
           {with("id", ""), "f: keys[0].id: it is missing"},
           {with("name", "\"a b\""), "f: keys[0].name: expected 1 to 64 letters"},
           {with("name", "1"), "f: keys[0].name: expected 1 to 64 letters"},
           {with("sha256", "\"00\""), "f: keys[0].sha256: expected 64 lower-case"},
           {with("scopes", "\"jobs\""), "f: keys[0].scopes: expected a list"},
           {with("scopes", "[1]"), "f: keys[0].scopes: expected a list of texts"},
           {with("scopes", "[\"job\"]"), "f: keys[0].scopes: 'job' is no scope"},
           {with("class", "\"best\""), "f: keys[0].class: expected realtime or best_effort"},
           {with("rate", "\"1\""), "f: keys[0].rate: expected a rate"},
           {with("quota", "\"1\""), "f: keys[0].quota: expected a quota"},
           {with("created", "\"now\""), "f: keys[0].created: expected a time"},
           {with("revoked", "true"), "f: keys[0].revoked: expected a time"},
           {with("admin", "true"), "f: keys[0].admin: this field is not known"}}) {
    const auto parsed = parse_key_file(c.text, "f");
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    EXPECT_TRUE(parsed.error().message.starts_with(c.expected)) << parsed.error().message;
  }
}

TEST(KeyFileText, RefusesTwoKeysThatAreTheSame) {
  std::vector<KeyRecord> keys;
  ASSERT_TRUE(add_key(keys, named("a"), kNow, kernel_secrets()));
  ASSERT_TRUE(add_key(keys, named("b"), kNow, kernel_secrets()));
  const auto changed = [&](auto change) {
    std::vector<KeyRecord> other = keys;
    change(other[0], other[1]);
    const auto parsed = parse_key_file(key_file_text(other), "f");
    return parsed ? "" : parsed.error().message.substr(0, parsed.error().message.find(';'));
  };
  EXPECT_EQ(changed([](auto& a, auto& b) { b.id = a.id; }),
            "f: keys[1].id: another key has the same");
  EXPECT_EQ(changed([](auto& a, auto& b) { b.digest = a.digest; }),
            "f: keys[1].sha256: another key has the same");
  EXPECT_EQ(changed([](auto& a, auto& b) { b.name = a.name; }),
            "f: keys[1].name: another key has the same");
  EXPECT_EQ(changed([](auto& a, auto& b) {
              b.name = a.name;
              a.revoked = kNow;
            }),
            "")
      << "the name of a revoked key is free";
}

TEST(KeyList, GivesANewKeyItsIdAndDigest) {
  std::vector<KeyRecord> keys;
  const auto text = add_key(keys, named("a"), kNow, kernel_secrets());
  ASSERT_TRUE(text);
  EXPECT_TRUE(is_key_text(*text));
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(text->substr(kKeyPrefix.size(), kKeyIdLength), keys[0].id);
  EXPECT_EQ(keys[0].digest, sha256(*text));
  EXPECT_EQ(keys[0].created, kNow);
  EXPECT_EQ(key_file_text(keys).find(text->substr(20)), std::string::npos) << "kept nowhere";
  EXPECT_EQ(add_key(keys, named("a"), kNow, kernel_secrets()).error().code, ErrorCode::kConflict);
}

TEST(KeyList, NeverGivesAnIdTwice) {
  std::vector<KeyRecord> keys;
  int calls = 0;
  // The first two draws are the same.
  const SecretBytes repeating = [&](std::span<std::uint8_t> bytes) {
    const int draw = calls++ < 2 ? 1 : 2;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(draw);
  };
  ASSERT_TRUE(add_key(keys, named("a"), kNow, repeating));
  ASSERT_TRUE(add_key(keys, named("b"), kNow, repeating));
  EXPECT_NE(keys[0].id, keys[1].id);
}

TEST(KeyList, HasABound) {
  std::vector<KeyRecord> keys(kMaxKeys);
  EXPECT_EQ(add_key(keys, named("a"), kNow, kernel_secrets()).error().code, ErrorCode::kExhausted);
}

TEST(KeyList, RevokesByIdOrName) {
  std::vector<KeyRecord> keys;
  ASSERT_TRUE(add_key(keys, named("a"), kNow, kernel_secrets()));
  ASSERT_TRUE(add_key(keys, named("b"), kNow, kernel_secrets()));
  EXPECT_EQ(revoke_key(keys, "a", kNow).value().name, "a");
  EXPECT_EQ(keys[0].revoked, kNow);
  EXPECT_EQ(revoke_key(keys, "a", kNow).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(revoke_key(keys, keys[0].id, kNow).error().code, ErrorCode::kConflict);
  EXPECT_EQ(revoke_key(keys, keys[1].id, kNow).value().name, "b");
  EXPECT_EQ(revoke_key(keys, "nobody", kNow).error().code, ErrorCode::kNotFound);
}

class KeyFileTest : public testing::Test {
 protected:
  KeyFileTest() {
    std::string made = (std::filesystem::temp_directory_path() / "keys-XXXXXX").string();
    if (::mkdtemp(made.data()) == nullptr) throw std::runtime_error("no temporary folder");
    root_ = made;
  }
  ~KeyFileTest() override { std::filesystem::remove_all(root_); }
  static Result<> add(std::vector<KeyRecord>& keys, const std::string& name) {
    const auto added = add_key(keys, named(name), kNow, kernel_secrets());
    return added ? Result<>() : fail(added.error());
  }
  std::filesystem::path root_;
};

TEST_F(KeyFileTest, IsEmptyWhereThereIsNone) {
  const KeyFile file(root_);
  EXPECT_EQ(file.load().value().size(), 0U);
  EXPECT_EQ(file.stamp(), FileStamp());
}

TEST_F(KeyFileTest, KeepsWhatIsAdded) {
  const KeyFile file(root_);
  ASSERT_TRUE(file.change([](auto& keys) { return add(keys, "a"); }));
  const FileStamp first = file.stamp();
  ASSERT_TRUE(file.change([](auto& keys) { return add(keys, "b"); }));
  EXPECT_NE(file.stamp(), first);
  EXPECT_EQ(file.load().value().size(), 2U);
}

TEST_F(KeyFileTest, IsLeftAsItWasByAChangeThatFails) {
  const KeyFile file(root_);
  ASSERT_TRUE(file.change([](auto& keys) { return add(keys, "a"); }));
  const FileStamp before = file.stamp();
  EXPECT_FALSE(file.change([](auto& keys) { return add(keys, "a"); }));
  EXPECT_EQ(file.stamp(), before);
}

TEST_F(KeyFileTest, ThatIsDamagedIsNeverReplaced) {
  const KeyFile file(root_);
  ASSERT_TRUE(write_file(file.path(), "damaged"));
  const auto changed = file.change([](auto& keys) { return add(keys, "a"); });
  ASSERT_FALSE(changed);
  EXPECT_TRUE(changed.error().message.starts_with(file.path().string() + ": not JSON at byte"));
  EXPECT_EQ(read_file(file.path(), 100).value(), "damaged");
}

TEST_F(KeyFileTest, LosesNothingToTwoWriters) {
  const KeyFile file(root_);
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      for (int k = 0; k < 5; ++k) {
        EXPECT_TRUE(file.change(
            [&](auto& keys) { return add(keys, std::to_string(i) + '-' + std::to_string(k)); }));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(file.load().value().size(), 20U);
}

}  // namespace
}  // namespace sluice::access
