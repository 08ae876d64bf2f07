#include "config/substitute.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace sluice::config {
namespace {

Surroundings some_surroundings() {
  return {[](const std::string& name) -> std::optional<std::string> {
            static const std::map<std::string, std::string> kVariables{
                {"PORT", "8000"},
                {"EMPTY", ""},
                {"_x1", "under"},
                {"ODD", "${PORT}"},
                {"LONG", std::string(kMaxSubstitutedBytes, 'x')},
                {"BYTES", "\xff"}};
            const auto found = kVariables.find(name);
            if (found == kVariables.end()) return std::nullopt;
            return found->second;
          },
          [](const std::filesystem::path& path, std::size_t) -> Result<std::string> {
            if (path == "/etc/sluice/key") return "secret\n";
            if (path == "/run/key") return "a\nb\r\n";
            return fail(not_found("there is no such file"));
          }};
}

Result<Substituted> run(std::string_view text) {
  return substitute(text, some_surroundings(), "/etc/sluice");
}

TEST(Substitute, ReplacesVariablesFilesAndDefaults) {
  struct Case {
    std::string_view text;
    std::string_view value;
    bool changed;
  };
  const Case cases[] = {
      {"", "", false},
      {"plain", "plain", false},
      {"${PORT}", "8000", true},
      {"a${PORT}b${PORT}c", "a8000b8000c", true},
      {"${PORT:-9}", "8000", true},
      {"${MISSING:-9}", "9", true},
      {"${MISSING:-}", "", true},
      {"${EMPTY:-9}", "9", true},
      {"${EMPTY}", "", true},
      {"${_x1}", "under", true},
      {"${MISSING:-${PORT}/x}", "8000/x", true},
      {"${MISSING:-a:-b}", "a:-b", true},
      {"${MISSING:-$$}", "$", true},
      {"${file:key}", "secret", true},
      {"${file:/run/key}", "a\nb", true},
      {"${file:../sluice/key}", "secret", true},
      {"${file:${MISSING:-key}}", "secret", true},
      {"$$", "$", false},
      {"$${PORT}", "${PORT}", false},
      {"$$${PORT}", "$8000", true},
      {"costs $5", "costs $5", false},
      {"$", "$", false},
      {"a$", "a$", false},
      {"{PORT}", "{PORT}", false},
  };
  for (const Case& c : cases) {
    const auto out = run(c.text);
    ASSERT_TRUE(out) << c.text << ": " << out.error().message;
    EXPECT_EQ(out->text, c.value) << c.text;
    EXPECT_EQ(out->changed, c.changed) << c.text;
  }
}

TEST(Substitute, DoesNotSubstituteInWhatItPutIn) {
  EXPECT_EQ(run("${ODD}")->text, "${PORT}");
}

TEST(Substitute, SaysWhatIsWrong) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"${MISSING}", "the environment variable MISSING is not set"},
      {"${", "not closed"},
      {"${PORT", "not closed"},
      {"${PORT:-${PORT}", "not closed"},
      {"${}", "not understood"},
      {"${1X}", "not understood"},
      {"${A-B}", "not understood"},
      {"${:-x}", "not understood"},
      {"${ PORT }", "not understood"},
      {"${file:}", "needs the path"},
      {"${file:nothing}", "cannot read /etc/sluice/nothing: there is no such file"},
      {"${a:-${b:-${c:-${d:-${e:-${f:-x}}}}}}", "at most 4 deep"},
      {"${LONG}x", "longer than 65536 bytes"},
      {"${BYTES}", "not UTF-8"},
  };
  for (const auto& [text, part] : cases) {
    const auto out = run(text);
    ASSERT_FALSE(out) << text;
    EXPECT_NE(out.error().message.find(part), std::string::npos) << out.error().message;
  }
}

TEST(Substitute, TellsTextFromOtherBytes) {
  for (const std::string_view text : {"", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    EXPECT_FALSE(first_not_text(text)) << text;
  }
  const std::pair<std::string_view, std::size_t> cases[] = {
      {std::string_view("a\0b", 3), 1},
      {"ab\xff", 2},
      {"\xc3", 0},
      {"\xc0\x80", 0},
      {"\xe0\x80\x80", 0},
      {"\xed\xa0\x80", 0},
      {"\xf4\x90\x80\x80", 0},
      {"x\x80", 1},
      {"\xe2\x82", 0},
      {"\xe2\x28\xa1", 0},
  };
  for (const auto& [text, position] : cases) EXPECT_EQ(first_not_text(text), position);
}

TEST(Surroundings, ReadFilesUpToTheBound) {
  const auto path = std::filesystem::path(testing::TempDir()) / "substitute_test.txt";
  std::ofstream(path) << "12345";
  const auto here = Surroundings::of_this_process();
  EXPECT_EQ(here.file(path, 5), "12345");
  EXPECT_EQ(here.file(path, 4).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(here.file(path.parent_path(), 4).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(here.file(path.string() + ".not", 4).error().code, ErrorCode::kNotFound);
  std::filesystem::remove(path);
}

TEST(Surroundings, ReadTheEnvironment) {
  const auto here = Surroundings::of_this_process();
  EXPECT_TRUE(here.variable("PATH"));
  EXPECT_FALSE(here.variable("SLUICE_NO_SUCH_VARIABLE"));
  EXPECT_FALSE(Surroundings::none().variable("PATH"));
  EXPECT_FALSE(Surroundings::none().file("/dev/null", 1));
}

}  // namespace
}  // namespace sluice::config
