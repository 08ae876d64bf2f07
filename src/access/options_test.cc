#include "access/options.h"

#include <gtest/gtest.h>

#include "base/format.h"
#include "config/config.h"

namespace sluice::access {
namespace {

constexpr std::string_view kDigest =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct Outcome {
  AccessOptions options;
  std::string problems;
};
Outcome read(const std::string& text) {
  config::Problems problems;
  Outcome outcome;
  const auto node = config::parse(text, "a.yaml", config::Surroundings::none(), problems);
  if (node) outcome.options = config::read<AccessOptions>(*node, problems);
  outcome.problems = problems.to_string();
  return outcome;
}

TEST(AccessOptions, MakeRecords) {
  const Outcome outcome = read(formatted(R"(required: true
keys:
  - {{name: plain, sha256: {0}}}
  - name: full
    sha256: {1}
    id: full-1
    tenant: team
    scopes: ["callables=iris,setosa", jobs]
    class: best_effort
    rate: 100/1m
    quota: 5/day
    expires: 2027-01-01
)",
                                         kDigest, std::string(64, '1')));
  ASSERT_EQ(outcome.problems, "");
  EXPECT_EQ(outcome.options.required, true);
  const KeyRecord plain = record_of(outcome.options.keys.at(0));
  EXPECT_EQ(plain.id, "ba7816bf8f01");
  EXPECT_EQ(plain.tenant, "plain");
  EXPECT_EQ(plain.scopes, Scopes{.callables = {"*"}});
  EXPECT_EQ(plain.digest, parse_digest(kDigest).value());
  EXPECT_FALSE(plain.rate || plain.quota || plain.expires || plain.revoked);
  const KeyRecord full = record_of(outcome.options.keys.at(1));
  EXPECT_EQ(full.id, "full-1");
  EXPECT_EQ(full.tenant, "team");
  EXPECT_EQ(full.scopes, (Scopes{.callables = {"iris", "setosa"}, .jobs = true}));
  EXPECT_EQ(full.ceiling, ServiceClass::kBestEffort);
  EXPECT_EQ(full.rate, (Rate{100, std::chrono::minutes(1)}));
  EXPECT_EQ(full.quota, (Quota{5, Period::kDay}));
  EXPECT_EQ(full.expires, parse_time("2027-01-01"));
}

TEST(AccessOptions, SayWhatIsWrongWhere) {
  EXPECT_EQ(read(formatted(R"(keys:
  - {{name: a b, sha256: 12}}
  - {{name: x, sha256: {0}, scopes: [job], rate: 5, quota: 5/year, expires: soon, class: best}}
  - {{name: x, sha256: {0}}}
  - {{name: y, sha256: {1}, id: i}}
  - {{name: z, sha256: {2}, id: i}}
)",
                           kDigest, std::string(64, '1'), std::string(64, '2')))
                .problems,
            "a.yaml:2:12: keys[0].name: expected 1 to 64 letters, digits and -_., but 'a b' came\n"
            "a.yaml:2:25: keys[0].sha256: expected a SHA-256 as 64 lower-case hexadecimal digits, "
            "but '12' came\n"
            "a.yaml:3:98: keys[1].scopes[0]: expected callables=NAME,NAME.. (or callables=*), "
            "jobs, work or admin, but 'job' came\n"
            "a.yaml:3:110: keys[1].rate: expected a rate such as 100/1m, 5/s or 1000/24h, over at "
            "most 31 days, but '5' came\n"
            "a.yaml:3:120: keys[1].quota: expected a quota such as 10000/day or 1000000/month, but "
            "'5/year' came\n"
            "a.yaml:3:137: keys[1].expires: expected a time such as 2027-01-01T00:00:00Z, or a "
            "day, but 'soon' came\n"
            "a.yaml:3:150: keys[1].class: expected realtime or best_effort, but 'best' came\n"
            "a.yaml:4:12: keys[2].name: another key has this name\n"
            "a.yaml:4:23: keys[2].sha256: another key has the same\n"
            "a.yaml:6:93: keys[4].id: another key has this id");
}

TEST(AddressRate, IsARateOrNone) {
  EXPECT_EQ(parse_address_rate("100/1m").value(), (Rate{100, std::chrono::minutes(1)}));
  EXPECT_EQ(parse_address_rate("unlimited").value(), std::nullopt);
  EXPECT_FALSE(parse_address_rate("none"));
  EXPECT_EQ(check_address_rate("5/s"), "");
  EXPECT_EQ(check_address_rate("5"),
            "a rate such as 100/1m, 5/s or 1000/24h, over at most 31 days, or unlimited");
}

}  // namespace
}  // namespace sluice::access
