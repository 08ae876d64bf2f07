#include "config/schema.h"

#include <gtest/gtest.h>

#include "config/testing_options.h"

namespace sluice::config {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(JsonSchema, DescribesFieldsWithTheirBoundsAndDefaults) {
  const std::string schema = json_schema_of<testing::Root>("Options");
  for (const std::string_view part : {
           R"("$schema": "https://json-schema.org/draft/2020-12/schema")",
           R"("title": "Options")",
           R"("description": "Options of every kind.")",
           R"("required": [
    "version"
  ])",
           R"("default": 0.5)",
           R"("maximum": 65535)",
           R"("minimum": 1)",
           R"("default": "75s")",
           R"("default": "10MiB")",
           R"("default": "off")",
           R"("maxItems": 3)",
           R"("writeOnly": true)",
           R"("pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")",
           R"("$ref": "#/$defs/listener")",
           R"("$ref": "#/$defs/tree")",
           R"("const": "http_predict")",
           R"("unevaluatedProperties": false)",
       }) {
    EXPECT_TRUE(contains(schema, part)) << part << "\n" << schema;
  }
}

TEST(JsonSchema, AsksForExactlyOneAlternative) {
  const std::string schema = json_schema_of<testing::Callable>("c");
  EXPECT_TRUE(contains(schema, R"("oneOf": [
        {
          "required": [
            "model"
          ]
        },
        {
          "required": [
            "ensemble"
          ]
        }
      ])"))
      << schema;
}

TEST(JsonSchema, PointsToTheRootWhereAStructHoldsItself) {
  EXPECT_TRUE(contains(json_schema_of<testing::Tree>("t"), R"("$ref": "#")"));
}

TEST(MarkdownReference, HasATableForEachStruct) {
  const std::string page = markdown_reference_of<testing::Root>("Configuration");
  for (const std::string_view part : {
           "# Configuration\n\n## test\nOptions of every kind.\n",
           "| key | value | default | meaning |\n|---|---|---|---|\n",
           "| `version` | whole number, 1 | required | Of the format. |\n",
           "| `ratio` | number, at most 1 | `0.5` | Any number \\| at most 1. |\n",
           "| `level` | `info` or `error` | `info` | What is logged.<br>`info`: All. |\n",
           "| `listeners` | list of [listener](#listener) | `[]` | Where requests are taken. |\n",
           "| `callables` | map of names to [callable](#callable) | `{}` | What answers. |\n",
           "| `sizes` | list of bytes, at least 16B, 1 to 4 |  | Sizes of buffers. |\n",
           "| `cores` | whole number, at least 1 | all | How many to use. |\n",
           "| `saved` | any |  | Read later. |\n",
           "\n## listener\nAn address on which requests are taken.\n",
           "| `port` | whole number, 1 to 65535 | `8080` | The TCP port. |\n",
           "| `idle` | duration, 1s to 1h | `75s` | How long a connection may rest. |\n",
           "| `max_body` | bytes, at most 1GiB | `10MiB` | The longest body. |\n",
           "| `tls` | `off`, `optional` or `required` | `off` | Whether the connection is ",
           "encrypted.<br>`off`: Plain text.<br>`optional`: Either. |\n",
           "| `token` | secret text |  | What a caller must show. |\n",
           "What it is. Exactly one of:\n\n| key | value | meaning |\n|---|---|---|\n",
           "\n| `model` | [model](#model) | A model. |\n",
           "\n`backend`: What runs it. Required.\n\n### backend: onnx\nIn this process.\n",
           "| `path` | file path | required | The model's file. |\n",
           "Other keys: for whoever reads them.\n",
       }) {
    EXPECT_TRUE(contains(page, part)) << part << "\n" << page;
  }
}

// A struct whose member starts with other values than the struct's own.
struct Holder {
  testing::Onnx plain;
  testing::Onnx other{.path = {}, .threads = 8};
};
void describe(Fields<Holder>& f) {
  f.field("plain", &Holder::plain, "As it is.");
  f.field("other", &Holder::other, "With more.");
}

struct Marked {
  std::string a = "<x>|";
};
void describe(Fields<Marked>& f) {
  f.field("a", &Marked::a, "As <path>/`<n>|`.");
}

TEST(MarkdownReference, EscapesWhatWouldBreakATableOrVanish) {
  const std::string page = markdown_reference_of<Marked>("m");
  EXPECT_TRUE(contains(page, R"(| `a` | text | `<x>\|` | As \<path>/`<n>\|`. |)")) << page;
}

TEST(MarkdownReference, ShowsWhereAMemberStartsDifferently) {
  const std::string page = markdown_reference_of<Holder>("h");
  EXPECT_TRUE(contains(page, R"(| `other` | [plain](#plain) | `{"path":"","threads":8}`)")) << page;
  EXPECT_TRUE(contains(page, "| `plain` | [plain](#plain) |  |")) << page;
}

}  // namespace
}  // namespace sluice::config
