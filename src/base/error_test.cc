#include "base/error.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice {
namespace {

TEST(ErrorCode, EveryCodeHasAStableNameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kErrorCodeCount; ++i) {
    names.insert(to_string(static_cast<ErrorCode>(i)));
  }
  EXPECT_EQ(names.size(), kErrorCodeCount);
  EXPECT_EQ(to_string(ErrorCode::kNotFound), "not_found");
  EXPECT_EQ(to_string(ErrorCode::kExhausted), "exhausted");
}

}  // namespace
}  // namespace sluice
