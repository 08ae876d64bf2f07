// Whatever a server sends: it is read or refused, in one piece as in many.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/reply_reader.h"

namespace {
constexpr std::size_t kMaxBytes = 4096;

// The replies in the bytes when they come in pieces of this size, and whether all could be read.
struct Outcome {
  std::vector<sluice::redis::Reply> replies;
  bool refused = false;
  bool operator==(const Outcome&) const = default;
};
Outcome read_in_pieces(std::string_view bytes, std::size_t piece) {
  Outcome outcome;
  sluice::redis::ReplyReader reader(kMaxBytes);
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (true) {
      auto reply = reader.next();
      if (!reply) outcome.refused = true;
      if (!reply) return outcome;
      if (!*reply) break;
      outcome.replies.push_back(std::move(**reply));
    }
  }
  return outcome;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size > kMaxBytes) return 0;  // where the bound cuts depends on the pieces
  if (read_in_pieces(bytes, size + 1) != read_in_pieces(bytes, 1 + size % 7)) std::abort();
  return 0;
}
