#include "services/news_creator/options.h"

#include "config/fields.h"

namespace sluice::news_creator {

void describe(config::Fields<NewsCreatorOptions>& f) {
  using O = NewsCreatorOptions;
  using namespace std::chrono_literals;
  f.about("news_creator",
          "Summaries of articles by a language model: /api/v1/summarize, beside Ollama's API.");
  f.field("prompt", &O::prompt,
          "A text file with {{content}} where the article stands, and {{article_id}} if it likes; "
          "empty: a short prompt that comes with the program.");
  f.field("min_content", &O::min_content, "Articles with fewer characters are refused.");
  f.field("max_prompt", &O::max_prompt, "Prompts with more characters are refused.").at_least(1);
  f.field("max_tokens", &O::max_tokens, "The longest summary.").range(1, 1'000'000);
  f.field("temperature", &O::temperature, "How freely summaries are written.").range(0.0, 2.0);
  f.field("timeout", &O::timeout, "How long a summary may take when its client sets no deadline.")
      .range(1ms, 24h);
  f.field("heartbeat", &O::heartbeat,
          "After so long without a word a stream of a summary sends a comment.")
      .range(10ms, 1h);
}

}  // namespace sluice::news_creator
