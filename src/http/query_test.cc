#include "http/query.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(Query, GivesParametersDecoded) {
  const auto query = Query::parse("a=1&b=x%20y+z&&c&a=2&%6Eame=%C3%A4");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->find("a"), "1");
  EXPECT_EQ(query->find("b"), "x y z");
  EXPECT_EQ(query->find("c"), "");
  EXPECT_EQ(query->find("name"), "ä");
  EXPECT_EQ(query->find("d"), std::nullopt);
}

TEST(Query, SaysWhatIsWrongWithIt) {
  EXPECT_TRUE(Query::parse("a=%zz").error().message.contains("a=%zz"));
  const auto query = Query::parse("statsu=failed");
  const auto ok = query->only({"status", "limit"});
  ASSERT_FALSE(ok);
  EXPECT_EQ(ok.error().message, "the query has 'statsu'; what it may have: status, limit");
  EXPECT_TRUE(query->only({"statsu"}));
}

}  // namespace
}  // namespace sluice::http
