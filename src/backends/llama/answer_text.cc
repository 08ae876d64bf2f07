#include "backends/llama/answer_text.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace sluice::llama {

std::vector<TextPart> AnswerText::push(std::string_view piece,
                                       std::optional<TokenLogprob> logprob) {
  if (logprob) untold_.push_back(std::move(*logprob));
  const std::string_view told = text_.push(piece);
  return told.empty() ? std::vector<TextPart>() : tell(told);
}

// What is known of the tokens whose text is told by now, if only in part: of a stop text it never
// is.
void AnswerText::account(std::size_t told) {
  std::size_t count = 0;
  while (count < untold_.size() && accounted_ < told) accounted_ += untold_[count++].token.size();
  const auto end = untold_.begin() + static_cast<std::ptrdiff_t>(count);
  if (stream_) unsent_.insert(unsent_.end(), untold_.begin(), end);
  std::move(untold_.begin(), end, std::back_inserter(logprobs_));
  untold_.erase(untold_.begin(), end);
}

// A stream gets what has come, but for what is not text: a call of a tool is told when it is whole.
std::vector<TextPart> AnswerText::tell(std::string_view text) {
  account(text_.told().size());
  if (!stream_) return {};
  if (read_) return tell_more(read_(std::string(text_.told()), false));
  return {{.text = std::string(text), .logprobs = std::exchange(unsent_, {})}};
}

// All that the answer says by now, of which the stream has had the beginning.
std::vector<TextPart> AnswerText::tell_more(const Choice& all) {
  std::vector<TextPart> parts;
  const auto tell = [&](std::string& told, const std::string& now, bool reasoning) {
    // What was read otherwise before fits on nothing.
    if (now.size() <= told.size() || !now.starts_with(told)) return;
    parts.push_back({.text = now.substr(told.size()),
                     .logprobs = std::exchange(unsent_, {}),
                     .reasoning = reasoning});
    told = now;
  };
  tell(thought_, all.reasoning, true);
  tell(said_, all.text, false);
  return parts;
}

std::vector<TextPart> AnswerText::finish() {
  const std::string_view rest = text_.finish();
  std::vector<TextPart> parts;
  if (read_) {
    account(text_.told().size());
    whole_ = read_(text_.text(), true);
    if (stream_) parts = tell_more(whole_);
  } else {
    if (!rest.empty()) parts = tell(rest);
    whole_.text = text_.text();
  }
  // Tokens without a text, too.
  if (!stopped()) account(std::numeric_limits<std::size_t>::max());
  return parts;
}

Choice AnswerText::take() {
  whole_.logprobs = std::move(logprobs_);
  return std::move(whole_);
}

}  // namespace sluice::llama
