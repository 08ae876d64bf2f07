#include "base/digest.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Digest, IsTheStandardsOwnExample) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, IsTheSameOfBytesThatComeOneAfterTheOther) {
  Sha256Sum sum;
  for (const char* part : {"a", "", "bc"}) sum.add(part);
  EXPECT_EQ(sum.finish(), sha256("abc"));
  EXPECT_EQ(Sha256Sum().finish(), sha256(""));
}

TEST(Digest, WithAKeyIsTheStandardsOwnExample) {
  // RFC 4231, test cases 1, 2 and 6.
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace sluice
