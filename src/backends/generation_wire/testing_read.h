// Reading an answer in pieces; no part of the product.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/generation_wire/dialect.h"

namespace sluice::generation_wire {

inline Result<Answer> read_in_pieces(AnswerReader& reader, std::string_view text, std::size_t piece,
                                     std::vector<TextPart>& parts) {
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (auto fed = reader.feed(text.substr(at, piece), parts); !fed) return fail(fed.error());
  }
  return reader.end(parts);
}

// What came of it.
struct Seen {
  std::vector<TextPart> parts;
  bool started = false;
  bool timed = false;
  Result<GenerateResponse> result = fail(internal("nothing yet"));
};

inline Seen see_in_pieces(AnswerReader& reader, std::string_view text, std::size_t piece) {
  Seen seen;
  auto answer = read_in_pieces(reader, text, piece, seen.parts);
  seen.started = reader.started();
  if (!answer) {
    seen.result = fail(std::move(answer.error()));
    return seen;
  }
  seen.timed = answer->timed;
  seen.result = std::get<GenerateResponse>(std::move(answer->response));
  return seen;
}

// What was said, or thought before it.
inline std::string joined(const std::vector<TextPart>& parts, bool reasoning = false) {
  std::string text;
  for (const TextPart& part : parts) {
    if (part.reasoning == reasoning) text += part.text;
  }
  return text;
}

}  // namespace sluice::generation_wire
