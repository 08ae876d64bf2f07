// Compression of answers.
#pragma once

#include <string>
#include <string_view>

namespace sluice::http {

// Does the Accept-Encoding value take gzip (RFC 9110 12.5.3, q-values heard)?
bool accepts_gzip(std::string_view accept_encoding);
// Is a body of this type worth compressing?
bool is_compressible(std::string_view content_type);
// In gzip format at the fastest level.
std::string gzip(std::string_view body);

}  // namespace sluice::http
