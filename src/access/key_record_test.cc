#include "access/key_record.h"

#include <gtest/gtest.h>

#include "access/key_text.h"

namespace sluice::access {
namespace {

TEST(KeyText, HasAPrefixAnIdASecretAndAChecksum) {
  std::uint8_t next = 0;
  const KeyText key = make_key_text([&](std::span<std::uint8_t> bytes) {
    for (std::uint8_t& byte : bytes) byte = next++;
  });
  EXPECT_EQ(key.id, "01234567");
  EXPECT_TRUE(key.text.starts_with("sk-sluice-01234567-89abcdefghjkmnpqrstvwxyz01234567"))
      << key.text;
  EXPECT_EQ(key.text.size(), 10 + 8 + 1 + 32 + 4);
  EXPECT_TRUE(is_key_text(key.text));
}

TEST(KeyText, IsToldFromWhatLooksLikeOne) {
  const std::string good = make_key_text(kernel_secrets()).text;
  ASSERT_TRUE(is_key_text(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string wrong = good;
    wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(is_key_text(wrong)) << i;
  }
  EXPECT_FALSE(is_key_text(""));
  EXPECT_FALSE(is_key_text(good.substr(1)));
  EXPECT_FALSE(is_key_text(good + "0"));
}

TEST(KeyText, DiffersEachTime) {
  EXPECT_NE(make_key_text(kernel_secrets()).text, make_key_text(kernel_secrets()).text);
}

TEST(Digest, IsThatOfTheStandard) {
  // FIPS 180-4's example "abc".
  constexpr std::string_view kAbc =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  KeyHasher hasher;
  EXPECT_EQ(hex(hasher.of("abc")), kAbc);
  EXPECT_EQ(hex(hasher.of("abc")), kAbc) << "once more with the same";
  EXPECT_EQ(parse_digest(kAbc).value(), sha256("abc"));
  EXPECT_FALSE(parse_digest(kAbc.substr(1)));
  EXPECT_FALSE(parse_digest("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
}

TEST(Scopes, AreReadAndWritten) {
  using Texts = std::vector<std::string>;
  struct Case {
    Texts texts;
    Scopes scopes;
    Texts written;
  };
  for (const Case& c : std::vector<Case>{
           {{}, {}, {}},
           {{"callables=iris,team_*", "jobs"},
            {.callables = {"iris", "team_*"}, .jobs = true},
            {"callables=iris,team_*", "jobs"}},
           {{"admin", "work", "callables=*"},
            {.callables = {"*"}, .work = true, .admin = true},
            {"callables=*", "work", "admin"}},
           {{"callables=a", "callables=b"}, {.callables = {"a", "b"}}, {"callables=a,b"}}}) {
    const auto scopes = parse_scopes(c.texts);
    ASSERT_TRUE(scopes);
    EXPECT_EQ(*scopes, c.scopes);
    EXPECT_EQ(to_strings(*scopes), c.written);
  }
  for (const char* wrong : {"", "job", "callables", "callables=", "callables=a,", "callables=,a",
                            "callables=a*b", "callables=a b", "admin "}) {
    EXPECT_FALSE(parse_scopes({wrong})) << wrong;
  }
}

TEST(KeyTimes, AreReadAndWritten) {
  const auto at = parse_time("2026-11-26T01:02:03Z");
  ASSERT_TRUE(at);
  EXPECT_EQ(time_text(*at), "2026-11-26T01:02:03Z");
  EXPECT_EQ(time_text(*at + std::chrono::milliseconds(999)), "2026-11-26T01:02:03Z");
  EXPECT_EQ(time_text(*parse_time("2027-01-01")), "2027-01-01T00:00:00Z");
  for (const char* wrong :
       {"", "2026-11-26T01:02:03", "2026-13-01", "2026-02-30", "2026-11-26T24:00:00Z",
        "2026-11-26T01:60:00Z", "9999-01-01", "2026-1-01", "tomorrow"}) {
    EXPECT_FALSE(parse_time(wrong)) << wrong;
  }
}

TEST(KeyRecord, IsUsableUntilItExpiresOrIsRevoked) {
  const WallTime now = *parse_time("2026-11-26");
  KeyRecord key;
  EXPECT_TRUE(key.usable(now));
  key.expires = now;
  EXPECT_FALSE(key.usable(now));
  EXPECT_TRUE(key.usable(now - std::chrono::seconds(1)));
  key.expires.reset();
  key.revoked = now;
  EXPECT_FALSE(key.usable(now - std::chrono::hours(1)));
}

TEST(KeyName, IsShortAndPlain) {
  EXPECT_TRUE(is_key_name("ci-Runner_2.a"));
  EXPECT_TRUE(is_key_name(std::string(64, 'a')));
  EXPECT_FALSE(is_key_name(std::string(65, 'a')));
  for (const char* wrong : {"", "a b", "a/b", "ä", "a\n"})
    EXPECT_FALSE(is_key_name(wrong)) << wrong;
}

}  // namespace
}  // namespace sluice::access
