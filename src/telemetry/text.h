// Bytes made fit for a line of text: JSON strings, clean UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace sluice::telemetry {

// Appends `value` with quotes as a JSON string (RFC 8259). Control characters are escaped; bytes
// that are not UTF-8 become U+FFFD, one for each maximal part (Unicode 15, section 3.9).
void append_json_string(std::string& out, std::string_view value);

// Appends `value` as it would be read by a person on a terminal: clean UTF-8, control characters
// (C0, DEL, C1) escaped, quoted only where it has a blank, a quote, '=' or is empty.
void append_readable(std::string& out, std::string_view value);

// The value with what is not UTF-8 replaced by U+FFFD, cut at a character to `max_bytes`.
std::string clean_utf8(std::string_view value, std::size_t max_bytes);

// The longest prefix of at most `max_bytes` that does not end within a character.
std::string_view cut_utf8(std::string_view value, std::size_t max_bytes);

// The shortest decimal that reads back as the same double; null for what JSON cannot say.
void append_json_number(std::string& out, double value);

}  // namespace sluice::telemetry
