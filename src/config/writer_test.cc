#include "config/writer.h"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

template <class W>
void write_sample(W& writer) {
  writer.begin_map();
  writer.key("a");
  writer.begin_list();
  writer.plain("1");
  writer.begin_list();
  writer.plain("2");
  writer.begin_map();
  writer.end_map();
  writer.end_list();
  writer.begin_list();
  writer.end_list();
  writer.begin_map();
  writer.key("b c");
  writer.null();
  writer.key("d");
  writer.begin_map();
  writer.key("e");
  writer.hidden();
  writer.end_map();
  writer.end_map();
  writer.end_list();
  writer.key("f");
  writer.begin_map();
  writer.end_map();
  writer.key("g");
  writer.quantity("5s");
  writer.key("h");
  writer.text("x y");
  writer.end_map();
}

TEST(YamlWriter, NestsListsAndMappings) {
  YamlWriter writer;
  write_sample(writer);
  EXPECT_EQ(std::move(writer).take(), R"(a:
  - 1
  - - 2
    - {}
  - []
  - "b c": null
    d:
      e: <hidden>
f: {}
g: 5s
h: "x y"
)");
}

TEST(YamlWriter, WritesOneValueAlone) {
  YamlWriter text;
  text.text("yes");
  EXPECT_EQ(std::move(text).take(), "\"yes\"\n");
  YamlWriter list;
  list.begin_list();
  list.end_list();
  EXPECT_EQ(std::move(list).take(), "[]\n");
}

TEST(YamlWriter, QuotesWhatWouldBeReadAsSomethingElse) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"abc", "abc"},
      {"a/b-c.d_e", "a/b-c.d_e"},
      {"", "\"\""},
      {"true", "\"true\""},
      {"1", "\"1\""},
      {"a b", "\"a b\""},
      {"a:", "\"a:\""},
      {"-", "\"-\""},
      {"$x", "\"$$x\""},
      {"\"\\", R"("\"\\")"},
      {"\n\r\t\x01\x7f", R"("\n\r\t\u0001\u007f")"},
      {"\xc3\xa9", "\"\xc3\xa9\""},
  };
  for (const auto& [text, yaml] : cases) {
    YamlWriter writer;
    writer.text(text);
    EXPECT_EQ(std::move(writer).take(), std::string(yaml) + "\n");
  }
}

TEST(JsonWriter, WritesOnOneLine) {
  JsonWriter writer(false);
  write_sample(writer);
  EXPECT_EQ(std::move(writer).take(),
            R"({"a":[1,[2,{}],[],{"b c":null,"d":{"e":"<hidden>"}}],"f":{},"g":"5s","h":"x y"})");
}

TEST(JsonWriter, Indents) {
  JsonWriter writer(true);
  writer.begin_map();
  writer.key("a");
  writer.begin_list();
  writer.plain("1");
  writer.plain("2");
  writer.end_list();
  writer.key("b");
  writer.begin_map();
  writer.end_map();
  writer.end_map();
  EXPECT_EQ(std::move(writer).take(), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
}

}  // namespace
}  // namespace sluice::config
