// From an article to a prompt.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::news_creator {

// A text with {{content}} and {{article_id}} where those of an article stand. What an article says
// is never taken for a placeholder.
class PromptTemplate {
 public:
  // kInvalid where {{content}} is missing, or another name stands in double braces.
  static Result<PromptTemplate> parse(std::string text);
  // Empty path: the one that comes with the program.
  static Result<PromptTemplate> load(const std::filesystem::path& file);

  [[nodiscard]] std::string render(std::string_view content, std::string_view article_id) const;

 private:
  std::string text_;
};

}  // namespace sluice::news_creator
