#include "rpc/status.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::rpc {
namespace {

TEST(Status, EveryStatusHasAnErrorAndAName) {
  const std::pair<int, ErrorCode> kCodes[] = {
      {1, ErrorCode::kCancelled},        {2, ErrorCode::kInternal},     {3, ErrorCode::kInvalid},
      {4, ErrorCode::kTimeout},          {5, ErrorCode::kNotFound},     {6, ErrorCode::kConflict},
      {7, ErrorCode::kForbidden},        {8, ErrorCode::kExhausted},    {9, ErrorCode::kInvalid},
      {10, ErrorCode::kConflict},        {11, ErrorCode::kInvalid},     {12, ErrorCode::kInternal},
      {13, ErrorCode::kInternal},        {14, ErrorCode::kUnavailable}, {15, ErrorCode::kInternal},
      {16, ErrorCode::kUnauthenticated}, {99, ErrorCode::kInternal}};
  for (const auto& [status, code] : kCodes) EXPECT_EQ(error_of(status, "x").code, code) << status;
  EXPECT_EQ(status_name(0), "OK");
  EXPECT_EQ(status_name(5), "NOT_FOUND");
  EXPECT_EQ(status_name(16), "UNAUTHENTICATED");
  EXPECT_EQ(status_name(-1), "UNKNOWN");
  EXPECT_EQ(status_name(17), "UNKNOWN");
}

TEST(Status, AnErrorComesBackAsItWas) {
  for (std::size_t i = 0; i < kErrorCodeCount; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (code == ErrorCode::kTooLarge) continue;  // RESOURCE_EXHAUSTED
    EXPECT_EQ(error_of(status_code(code), "x").code, code);
  }
  EXPECT_EQ(error_of(8, "SERVER: Received message larger than max (9 vs. 4)").code,
            ErrorCode::kTooLarge);
}

TEST(Status, AMessageIsKeptToItsBoundAndNeverEmpty) {
  EXPECT_EQ(error_of(5, "").message, "NOT_FOUND");
  EXPECT_EQ(error_of(5, std::string(kMaxStatusMessage, 'a')).message.size(), kMaxStatusMessage);
  const std::string cut = std::string(kMaxStatusMessage - 1, 'a');
  EXPECT_EQ(error_of(5, cut + "\xC3\xA4").message, cut);  // no half of a character
}

}  // namespace
}  // namespace sluice::rpc
