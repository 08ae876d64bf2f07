#include "base/utf8.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Utf8, CountsCharactersOfEveryLength) {
  struct Case {
    std::string_view text;
    std::size_t characters;
  };
  for (const Case& c : {Case{"", 0}, Case{"abc", 3}, Case{"\xC3\xA4", 1},  // two bytes
                        Case{"\xE2\x82\xAC", 1},                           // three
                        Case{"\xF0\x9F\x98\x80", 1},                       // four
                        Case{"a\xC3\xA4\xE2\x82\xAC!", 4},                 // among others
                        Case{"\xA4\xA4", 0}}) {  // the rest of a character that was cut
    EXPECT_EQ(count_characters(c.text), c.characters) << c.text;
  }
}

}  // namespace
}  // namespace sluice
