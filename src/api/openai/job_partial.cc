#include "api/openai/job_partial.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "http/json/writer.h"

namespace sluice::api::openai {

namespace {

// Of the JSON around the text of one choice, at most.
constexpr std::size_t kAround = 128;

// At most so many bytes in JSON.
std::size_t escaped_bytes(char c) {
  if (static_cast<unsigned char>(c) < 0x20) return 6;
  return c == '"' || c == '\\' ? 2 : 1;
}

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

// The end of a text that grows.
class Tail {
 public:
  // `room`: how much of it there may be in JSON.
  explicit Tail(std::size_t room) : room_(room) {}

  void add(std::string_view piece) {
    text_ += piece;
    if (text_.size() > 2 * room_) drop(text_.size() - room_);
  }
  // Makes it fit.
  void fit() {
    std::size_t begin = text_.size();
    for (std::size_t bytes = 0; begin > 0; --begin) {
      bytes += escaped_bytes(text_[begin - 1]);
      if (bytes > room_) break;
    }
    drop(begin);
  }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::size_t skipped() const { return skipped_; }

 private:
  // So many bytes, and what is left of the last character.
  void drop(std::size_t bytes) {
    while (bytes < text_.size() && !begins_character(text_[bytes])) ++bytes;
    skipped_ += count_characters(std::string_view(text_).substr(0, bytes));
    text_.erase(0, bytes);
  }

  std::size_t room_;
  std::string text_;
  std::size_t skipped_ = 0;  // characters that stood before it
};

class PartialText final : public sluice::jobs::PartialOutput {
 public:
  PartialText(PartialShape shape, const GenerateRequest& request)
      : shape_(shape),
        most_pieces_(static_cast<std::uint64_t>(request.max_tokens.value_or(0)) * request.choices),
        choices_(request.choices,
                 Tail(sluice::jobs::kMaxPartialBytes / request.choices - kAround)) {}

  void add(const Part& part) override {
    ++pieces_;
    if (part.choice < choices_.size() && !part.reasoning) choices_[part.choice].add(part.text);
  }

  [[nodiscard]] sluice::jobs::Progress so_far() override {
    sluice::jobs::Progress progress;
    if (most_pieces_ != 0) {
      // A last piece may hold no token.
      progress.share =
          std::min(1.0, static_cast<double>(pieces_) / static_cast<double>(most_pieces_));
    }
    std::string& out = progress.partial.emplace();
    json::Writer writer(out);
    writer.begin_object().key("choices").begin_array();
    for (std::size_t i = 0; i < choices_.size(); ++i) write(writer, i, choices_[i]);
    writer.end_array().end_object();
    return progress;
  }

 private:
  void write(json::Writer& writer, std::size_t index, Tail& tail) const {
    tail.fit();
    writer.begin_object().field("index", index);
    if (tail.skipped() > 0) writer.field("skipped", tail.skipped());
    if (shape_ == PartialShape::kChat) {
      writer.key("message").begin_object();
      writer.field("role", "assistant").field("content", tail.text()).end_object();
    } else {
      writer.field("text", tail.text());
    }
    writer.end_object();
  }

  const PartialShape shape_;
  const std::uint64_t most_pieces_;  // 0: nobody knows
  std::uint64_t pieces_ = 0;         // each a token, as engines have it
  std::vector<Tail> choices_;
};

}  // namespace

std::unique_ptr<sluice::jobs::PartialOutput> make_partial_text(PartialShape shape,
                                                               const GenerateRequest& request) {
  return std::make_unique<PartialText>(shape, request);
}

}  // namespace sluice::api::openai
