#include "app/file_body.h"

#include <gtest/gtest.h>

#include <fstream>

#include "sqlite/testing_folder.h"

namespace sluice::app {
namespace {

std::string read_all(const http::BodySource& body) {
  std::string all;
  while (all.size() < body.size) {
    const std::string_view part = body.at(all.size());
    if (part.empty()) break;
    all += part;
  }
  return all;
}

class FileBody : public ::testing::Test {
 protected:
  std::string write(const std::string& text) {
    const auto name = folder_ / "file";
    std::ofstream(name, std::ios::binary | std::ios::trunc) << text;
    return name;
  }
  sluice::testing::TemporaryFolder folder_;
};

TEST_F(FileBody, GivesTheFileInPartsFromAnyPlaceOn) {
  std::string text;
  while (text.size() < 1'000'000) text += std::to_string(text.size()) + "\n";
  const auto body = file_body(write(text));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ((*body)->size, text.size());
  EXPECT_EQ(read_all(**body), text);
  EXPECT_LT((*body)->at(0).size(), text.size()) << "not all at once";
  EXPECT_EQ((*body)->at(700'000).substr(0, 100), std::string_view(text).substr(700'000, 100));
  EXPECT_EQ(read_all(**body), text) << "once more";
}

TEST_F(FileBody, EndsWhenTheFileBecameShorter) {
  const std::string name = write(std::string(1'000'000, 'x'));
  const auto body = file_body(name);
  ASSERT_TRUE(body);
  write("short");
  EXPECT_EQ(read_all(**body), "short");
  EXPECT_EQ((*body)->at(500'000), "");
}

TEST_F(FileBody, SaysWhatCannotBeRead) {
  EXPECT_TRUE(file_body("/nowhere/at/all").error().message.starts_with("cannot read /nowhere"));
  const std::string folder = folder_ / "";
  EXPECT_NE(file_body(folder).error().message.find("is a folder"), std::string::npos);
  EXPECT_EQ((*file_body(write("")))->size, 0U);
}

}  // namespace
}  // namespace sluice::app
