#include "telemetry/request_id.h"

#include <algorithm>

#include "telemetry/hex_text.h"

namespace sluice::telemetry {

RequestId RequestId::make(Random& random) {
  RequestId id;
  write_hex(id.chars_.data(), random.next());
  write_hex(id.chars_.data() + 16, random.next());
  id.size_ = 32;
  return id;
}

bool RequestId::sane(std::string_view text) {
  if (text.empty() || text.size() > kMaxRequestIdBytes) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:/+=@~").contains(c);
  });
}

RequestId RequestId::accept(std::string_view header, Random& random) {
  if (!sane(header)) return make(random);
  RequestId id;
  std::ranges::copy(header, id.chars_.begin());
  id.size_ = static_cast<std::uint8_t>(header.size());
  return id;
}

}  // namespace sluice::telemetry
