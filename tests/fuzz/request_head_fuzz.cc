// A request head, whole and in pieces: the outcome must be the same, and what is accepted must keep
// the promises that the rest of the server relies on.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/request_parser.h"

namespace {

using sluice::http::RequestParser;

RequestParser::Step feed(RequestParser& parser, std::string& bytes, std::string_view all,
                         std::size_t piece) {
  auto step = RequestParser::Step::kNeedMore;
  for (std::size_t end = 0; step == RequestParser::Step::kNeedMore && end < all.size();) {
    end = std::min(all.size(), end + piece);
    bytes = std::string(all.substr(0, end));  // at another address each time
    step = parser.feed_head(bytes);
  }
  return step;
}

void require(bool promise) {
  if (!promise) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  RequestParser whole({});
  RequestParser pieces({});
  std::string whole_bytes;
  std::string pieces_bytes;
  const auto step = feed(whole, whole_bytes, all, size);
  require(step == feed(pieces, pieces_bytes, all, 1 + size % 7));
  if (step != RequestParser::Step::kDone) return 0;
  const auto& head = whole.head();
  require(whole.head_size() == pieces.head_size() && whole.head_size() <= size);
  require(head.target == pieces.head().target);
  require(!(head.chunked && head.content_length != 0));
  require(!head.host.empty() || head.minor_version == 0);
  require(head.path == "*" || head.path.starts_with('/'));
  for (const auto& header : head.headers) {
    require(sluice::http::is_token(header.name) && sluice::http::is_field_value(header.value));
  }
  return 0;
}
