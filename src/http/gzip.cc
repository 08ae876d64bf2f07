#include "http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <stdexcept>

#include "http/headers.h"

namespace sluice::http {

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const auto comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const auto item = trim(accept_encoding.substr(0, comma));
    const auto semicolon = std::min(item.find(';'), item.size());
    const auto coding = trim(item.substr(0, semicolon));
    auto weight = item.substr(semicolon);
    const bool refused =
        weight.contains("q=0") && weight.find_first_of("123456789") == std::string_view::npos;
    if (iequals(coding, "gzip")) return !refused;
    if (coding == "*") any = !refused;
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
  }
  return any;
}

bool is_compressible(std::string_view content_type) {
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  return type.starts_with("text/") || type == "application/json" || type.ends_with("+json") ||
         type == "application/yaml";
}

std::string gzip(std::string_view body) {
  z_stream stream{};
  constexpr int kGzipFormat = 15 + 16;
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipFormat, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string out(deflateBound(&stream, body.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (end != Z_STREAM_END) throw std::logic_error("deflate did not end within its own bound");
  return out;
}

}  // namespace sluice::http
