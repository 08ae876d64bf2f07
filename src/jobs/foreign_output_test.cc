#include "jobs/foreign_output.h"

#include <gtest/gtest.h>

namespace sluice::jobs {
namespace {

TEST(ForeignOutput, IsJsonInOneLine) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"prediction":0})", R"({"prediction":0})"},
      {"{\n  \"prediction\": 0,\r\n  \"of\": \"a b\\n\"\n}\n", R"({"prediction":0,"of":"a b\n"})"},
      {" [1.50, 0.1] ", "[1.50,0.1]"},
      {"null", "null"},
      {"setosa", R"("setosa")"},
      {"", R"("")"},
      {"two\nlines \"quoted\"", R"("two\nlines \"quoted\"")"},
      {R"({"p": NaN})", R"("{\"p\": NaN}")"},
      {"{'single': 1}", R"("{'single': 1}")"},
      {"\xFF", "\"\xEF\xBF\xBD\""},
  };
  for (const auto& [bytes, line] : cases) EXPECT_EQ(to_json_line(bytes), line) << bytes;
}

}  // namespace
}  // namespace sluice::jobs
