// Lines of JSON from Ollama's engines, and the answers made of them. The first byte says in how
// large pieces the rest comes: the same must come out as from one piece.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "backends/generation_wire/lines.h"
#include "backends/generation_wire/testing_read.h"
#include "backends/ollama/read.h"

namespace {
using sluice::generation_wire::LineEnd;
using sluice::generation_wire::Lines;

constexpr std::size_t kMost = 256;

void check(bool good) {
  if (!good) std::abort();
}

std::vector<std::string> lines_of(std::string_view text, std::size_t piece, LineEnd end) {
  Lines lines(end, kMost);
  std::vector<std::string> out;
  const auto drain = [&] {
    while (true) {
      const auto line = lines.next();
      if (!line) {
        out.emplace_back("too long");
        return false;
      }
      if (!*line) return true;
      check((*line)->size() <= kMost && !(*line)->contains('\n'));
      out.emplace_back(**line);
    }
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    lines.feed(text.substr(at, piece));
    if (!drain()) return out;
  }
  lines.end();
  drain();
  return out;
}

std::string answer_of(std::string_view text, std::size_t piece) {
  const auto reader = sluice::ollama::read_generate({.stream = true}, {64 * 1024});
  std::vector<sluice::TextPart> parts;
  const auto answer = sluice::generation_wire::read_in_pieces(*reader, text, piece, parts);
  if (!answer) return "error: " + answer.error().message;
  const std::string joined = sluice::generation_wire::joined(parts);
  const sluice::Choice& choice = std::get<sluice::GenerateResponse>(answer->response).choices.at(0);
  check(choice.text == joined);
  check(choice.reasoning == sluice::generation_wire::joined(parts, true));
  return joined;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::max<std::size_t>(data[0], 1);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  for (const LineEnd end : {LineEnd::kLf, LineEnd::kAny}) {
    check(lines_of(text, piece, end) == lines_of(text, size, end));
  }
  check(answer_of(text, piece) == answer_of(text, size));
  return 0;
}
