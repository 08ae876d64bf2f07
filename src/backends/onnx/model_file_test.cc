#include "backends/onnx/model_file.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <limits>

#include "backends/onnx/test_support.h"
#include "backends/onnx/wire.h"

namespace sluice::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string bytes_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Wire, ReadsWhatItWrites) {
  std::string text;
  append_number(text, 3, 300);
  append_number(text, 1, std::numeric_limits<std::uint64_t>::max());
  append_bytes(text, 1000, "abc");
  WireReader reader(text);
  auto field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->number, 3U);
  EXPECT_EQ(field->value, 300U);
  EXPECT_FALSE(field->has_bytes);
  field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->value, std::numeric_limits<std::uint64_t>::max());
  field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->number, 1000U);
  EXPECT_EQ(field->bytes, "abc");
  EXPECT_EQ(field->encoded.size(), 6U);
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.end(), WireReader::End::kComplete);
  EXPECT_FALSE(reader.next());
}

TEST(Wire, ReadsFixedNumbersInLittleEndian) {
  const std::string text("\x0D\x01\x02\x00\x00\x11\x01\x00\x00\x00\x00\x00\x00\x80", 14);
  WireReader reader(text);
  EXPECT_EQ(reader.next()->value, 0x201U);
  EXPECT_EQ(reader.next()->value, 0x8000000000000001U);
}

TEST(Wire, TellsACutMessageFromAMalformedOne) {
  const auto end_of = [](std::string_view text) {
    WireReader reader(text);
    while (reader.next()) {
    }
    return reader.end();
  };
  using End = WireReader::End;
  EXPECT_EQ(end_of(""), End::kComplete);
  EXPECT_EQ(end_of("\x0A\x05xy"), End::kCutShort);
  EXPECT_EQ(end_of("\x08\x80"), End::kCutShort);
  EXPECT_EQ(end_of("\x09\x01"), End::kCutShort);
  EXPECT_EQ(end_of(std::string_view("\x00", 1)), End::kMalformed);
  EXPECT_EQ(end_of("<"), End::kMalformed);
  EXPECT_EQ(end_of("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), End::kMalformed);
}

TEST(LookInto, FindsTheTablesBehindZipMap) {
  const auto integers = look_into(bytes_of(testing::test_model("zipmap_int64")));
  ASSERT_TRUE(integers);
  ASSERT_EQ(integers->tables.size(), 1U);
  EXPECT_EQ(integers->tables[0].output, "probability");
  EXPECT_THAT(integers->tables[0].labels, ElementsAre("0", "1", "2"));
  EXPECT_THAT(integers->tables[0].columns, ElementsAre(1, 2, 0));
  const auto texts = look_into(bytes_of(testing::test_model("zipmap_string")));
  ASSERT_TRUE(texts);
  EXPECT_THAT(texts->tables.at(0).labels, ElementsAre("setosa", "versicolor", "virginica"));
  EXPECT_THAT(texts->tables.at(0).columns, ElementsAre(1, 2, 0));
  EXPECT_FALSE(look_into(texts->rewritten)->tables.size());
}

TEST(LookInto, LeavesMapsAloneThatItCannotRewrite) {
  // The same class twice; one table read within the graph; no operators of the default domain.
  for (const char* name : {"zipmap_repeated", "zipmap_within", "zipmap_only_ml"}) {
    const auto facts = look_into(bytes_of(testing::test_model(name)));
    ASSERT_TRUE(facts) << name;
    EXPECT_THAT(facts->tables, IsEmpty()) << name;
    EXPECT_THAT(facts->rewritten, IsEmpty()) << name;
  }
}

TEST(LookInto, FindsLoopsAlsoWithinBranches) {
  EXPECT_TRUE(look_into(bytes_of(testing::test_model("slow")))->loops);
  EXPECT_TRUE(look_into(bytes_of(testing::test_model("loop_in_branch")))->loops);
  EXPECT_FALSE(look_into(bytes_of(testing::test_model("add")))->loops);
}

TEST(LookInto, FindsInputsWithoutShape) {
  EXPECT_THAT(look_into(bytes_of(testing::test_model("shapeless")))->shapeless_inputs,
              ElementsAre("x"));
  EXPECT_THAT(look_into(bytes_of(testing::test_model("scalar")))->shapeless_inputs, IsEmpty());
}

TEST(LookInto, GivesNothingForWhatIsNoModel) {
  EXPECT_FALSE(look_into(""));
  EXPECT_FALSE(look_into(bytes_of(testing::test_model("not_onnx"))));
  EXPECT_FALSE(look_into(bytes_of(testing::test_model("truncated"))));
}

TEST(LookInto, EveryPrefixOfAModelIsReadWithoutHarm) {
  const std::string whole = bytes_of(testing::test_model("zipmap_string"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    static_cast<void>(look_into(std::string_view(whole).substr(0, size)));
    static_cast<void>(diagnose(std::string_view(whole).substr(0, size)));
  }
}

TEST(Diagnose, TellsACutModelFromSomethingElse) {
  EXPECT_EQ(diagnose(bytes_of(testing::test_model("truncated"))), ParseFailure::kCutShort);
  EXPECT_EQ(diagnose(bytes_of(testing::test_model("not_onnx"))), ParseFailure::kNotOnnx);
  EXPECT_EQ(diagnose(""), ParseFailure::kNotOnnx);
}

}  // namespace
}  // namespace sluice::onnx
