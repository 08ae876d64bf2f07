// A chunked body in pieces: never more than the limit, the same however the bytes arrive, and
// nothing consumed beyond its end.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/request_parser.h"

namespace {

using sluice::http::RequestParser;
constexpr std::size_t kLimit = 64;

struct Outcome {
  RequestParser::Step step = RequestParser::Step::kNeedMore;
  std::string body;
  std::size_t consumed = 0;
};

Outcome feed(std::string_view all, std::size_t piece) {
  RequestParser parser({});
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  if (parser.feed_head(head) != RequestParser::Step::kDone) std::abort();
  Outcome outcome;
  while (outcome.step == RequestParser::Step::kNeedMore && outcome.consumed < all.size()) {
    const std::string part(all.substr(outcome.consumed, piece));
    std::size_t used = 0;
    outcome.step = parser.feed_chunked(part, outcome.body, kLimit, used);
    if (used > part.size() || outcome.body.size() > kLimit) std::abort();
    outcome.consumed += used;
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const Outcome whole = feed(all, size);
  const Outcome pieces = feed(all, 1 + size % 5);
  if (whole.step == RequestParser::Step::kDone) {
    if (pieces.step != whole.step || pieces.body != whole.body ||
        pieces.consumed != whole.consumed) {
      std::abort();
    }
  }
  return 0;
}
