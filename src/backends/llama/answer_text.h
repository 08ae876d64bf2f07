// From the tokens of one answer to what is told of it: parts while it is made, the whole at its
// end.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/llama/output_text.h"
#include "inference/generate.h"

namespace sluice::llama {

// From the text of an answer to what it says: thoughts and calls of tools are taken out of it. Of
// one that is not whole yet, what is certain. Empty where the text is the answer.
using ReadAnswer = std::function<Choice(std::string text, bool whole)>;

// One thread. Parts come without the number of their choice, and only to a stream.
class AnswerText {
 public:
  AnswerText() = default;
  // The text ends before the first of `stop`.
  AnswerText(std::vector<std::string> stop, ReadAnswer read, bool stream)
      : text_(std::move(stop)), read_(std::move(read)), stream_(stream) {}

  // One token more.
  std::vector<TextPart> push(std::string_view piece, std::optional<TokenLogprob> logprob);
  // A stop text came: no more is to be pushed.
  [[nodiscard]] bool stopped() const { return text_.stopped(); }

  // No more comes.
  std::vector<TextPart> finish();
  // After that, once: all of it, with the logprobs of every token whose text is told.
  Choice take();

 private:
  void account(std::size_t told);
  std::vector<TextPart> tell(std::string_view text);
  std::vector<TextPart> tell_more(const Choice& all);

  OutputText text_;
  ReadAnswer read_;
  bool stream_ = false;
  Choice whole_;                      // from finish() on
  std::string said_;                  // told of what `read_` makes of the text
  std::string thought_;               // the same of its thoughts
  std::size_t accounted_ = 0;         // bytes of the text whose tokens have left `untold_`
  std::vector<TokenLogprob> untold_;  // of tokens whose text is held back
  std::vector<TokenLogprob> unsent_;  // of tokens whose text is told, but not to the stream yet
  std::vector<TokenLogprob> logprobs_;
};

}  // namespace sluice::llama
