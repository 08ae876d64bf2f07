#include "services/news_creator/prompt.h"

#include <optional>

#include "base/file.h"
#include "base/format.h"

namespace sluice::news_creator {

namespace {

constexpr std::size_t kMaxTemplateBytes = 1024 * 1024;
constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kBuiltIn =
    "Summarize the following article in a few sentences. Say only what it says.\n\n{{content}}\n";

// Calls `text` for what stands between the placeholders and `name` for each of them.
template <class Text, class Name>
void walk(std::string_view all, Text text, Name name) {
  while (true) {
    const std::size_t open = all.find(kOpen);
    const std::size_t close = open == std::string_view::npos ? open : all.find(kClose, open);
    if (close == std::string_view::npos) return text(all);
    text(all.substr(0, open));
    name(all.substr(open + kOpen.size(), close - open - kOpen.size()));
    all.remove_prefix(close + kClose.size());
  }
}

}  // namespace

Result<PromptTemplate> PromptTemplate::parse(std::string text) {
  bool has_content = false;
  std::optional<std::string> unknown;
  walk(
      text, [](std::string_view) {},
      [&](std::string_view name) {
        has_content |= name == "content";
        if (name != "content" && name != "article_id") unknown = name.substr(0, 100);
      });
  if (unknown) {
    return fail(invalid(formatted(
        "the prompt has {{{{{}}}}}, but only {{{{content}}}} and {{{{article_id}}}} are known",
        *unknown)));
  }
  if (!has_content) return fail(invalid("the prompt has no {{content}}: where is the article?"));
  PromptTemplate made;
  made.text_ = std::move(text);
  return made;
}

Result<PromptTemplate> PromptTemplate::load(const std::filesystem::path& file) {
  if (file.empty()) return parse(std::string(kBuiltIn));
  auto text = read_file(file, kMaxTemplateBytes);
  if (!text) return fail(text.error());
  auto parsed = parse(std::move(*text));
  if (!parsed) {
    return fail(invalid(formatted("{}: {}", file.string(), parsed.error().message)));
  }
  return parsed;
}

std::string PromptTemplate::render(std::string_view content, std::string_view article_id) const {
  std::string out;
  out.reserve(text_.size() + content.size());
  walk(
      text_, [&](std::string_view text) { out += text; },
      [&](std::string_view name) { out += name == "content" ? content : article_id; });
  return out;
}

}  // namespace sluice::news_creator
