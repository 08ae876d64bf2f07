// The template of an article's prompt, and an article that tries to be one: what comes before the
// first zero byte is the template, what comes after it the article.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "services/news_creator/prompt.h"

namespace {
void check(bool good) {
  if (!good) std::abort();
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size())
    ++found;
  return found;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t border = std::min(all.find('\0'), all.size());
  const std::string text(all.substr(0, border));
  const std::string_view article = all.substr(std::min(border + 1, all.size()));
  const auto read = sluice::news_creator::PromptTemplate::parse(text);
  if (!read) {
    check(read.error().code == sluice::ErrorCode::kInvalid);
    check(!read.error().message.empty());
    return 0;
  }
  // A mark that the template does not have stands as often as it has places for an article.
  std::string mark = "mark";
  while (text.contains(mark)) mark += '!';
  const std::size_t places = count(text, "{{content}}");
  check(places > 0);
  check(count(read->render(mark, ""), mark) >= places);
  // The article is in the prompt as it is, whatever it says.
  const std::string prompt = read->render(article, "1");
  check(prompt.contains(article));
  check(prompt.size() + text.size() >= places * article.size());
  return 0;
}
