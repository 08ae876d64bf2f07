// Server-sent events of language models' engines, and the answers made of them. The first byte says
// in how large pieces the rest comes: the same must come out as from one piece.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "backends/generation_wire/sse.h"
#include "backends/generation_wire/testing_read.h"
#include "backends/openai/read.h"

namespace {
using sluice::generation_wire::SseParser;

constexpr std::size_t kMost = 256;

void check(bool good) {
  if (!good) std::abort();
}

std::vector<std::string> events_of(std::string_view text, std::size_t piece) {
  SseParser parser(kMost);
  std::vector<std::string> events;
  const auto drain = [&] {
    while (true) {
      const auto event = parser.next();
      if (!event) {
        events.emplace_back("too long");
        return false;
      }
      if (!*event) return true;
      check((*event)->data.size() + (*event)->type.size() <= 2 * kMost);
      events.push_back(std::string((*event)->type) + '\0' + std::string((*event)->data));
    }
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    parser.feed(text.substr(at, piece));
    if (!drain()) return events;
  }
  parser.end();
  drain();
  return events;
}

std::string answer_of(std::string_view text, std::size_t piece, bool stream) {
  const sluice::GenerateRequest request{.choices = 2, .stream = true};
  const auto reader = sluice::openai::read_generate(request, stream, {64 * 1024});
  std::vector<sluice::TextPart> parts;
  const auto answer = sluice::generation_wire::read_in_pieces(*reader, text, piece, parts);
  if (!answer) return "error: " + answer.error().message;
  std::size_t size = 0;
  std::size_t thought = 0;
  std::string out;
  for (const auto& choice : std::get<sluice::GenerateResponse>(answer->response).choices) {
    size += choice.text.size();
    thought += choice.reasoning.size();
    out += choice.text + '\0';
  }
  check(size == sluice::generation_wire::joined(parts).size());
  check(thought == sluice::generation_wire::joined(parts, true).size());
  return out;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::max<std::size_t>(data[0], 1);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  check(events_of(text, piece) == events_of(text, size));
  for (const bool stream : {false, true}) {
    check(answer_of(text, piece, stream) == answer_of(text, size, stream));
  }
  return 0;
}
