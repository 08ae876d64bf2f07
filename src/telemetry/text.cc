#include "telemetry/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace sluice::telemetry {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kHex = "0123456789abcdef";

struct Character {
  std::size_t bytes = 1;  // how many to consume
  bool valid = false;
  std::uint32_t code = 0;  // where valid
};

// Decodes the character at the front. An ill-formed one consumes its maximal well-formed beginning
// (at least a byte), so that a cut-off sequence is one replacement and a stray byte is one too.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true, lead};
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;   // overlong
    if (lead == 0xED) high = 0x9F;  // surrogates
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;   // overlong
    if (lead == 0xF4) high = 0x8F;  // above U+10FFFF
  } else {
    return {1, false, 0};
  }
  std::uint32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) return {i, false, 0};
    code = (code << 6) | (byte(i) & 0x3FU);
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, code};
}

void append_escape(std::string& out, std::uint32_t code) {
  switch (code) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[(code >> 4) & 0xF];
      out += kHex[code & 0xF];
  }
}

constexpr bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

// For eight bytes at once: a set bit for each that is_plain would not take (and, behind such a
// one, perhaps for some that it would). After the bit tricks of Mycroft (1987).
std::uint64_t not_plain(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const auto zero = [](std::uint64_t x) { return (x - kOnes) & ~x; };
  const std::uint64_t below_blank = (bytes - kOnes * 0x20) & ~bytes;
  return (bytes | below_blank | zero(bytes ^ kOnes * '"') | zero(bytes ^ kOnes * '\\') |
          zero(bytes ^ kOnes * 0x7F)) &
         kHighs;
}

// Appends the run of bytes at the front that need no thought; gives its length.
std::size_t append_plain(std::string& out, std::string_view text) {
  std::size_t run = 0;
  for (; run + 8 <= text.size(); run += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + run, 8);
    if (not_plain(bytes) != 0) break;
  }
  while (run < text.size() && is_plain(static_cast<unsigned char>(text[run]))) ++run;
  out.append(text.data(), run);
  return run;
}

void append_escaped(std::string& out, std::string_view text, bool for_terminal) {
  while (true) {
    text.remove_prefix(append_plain(out, text));
    if (text.empty()) return;
    const Character next = decode(text);
    if (!next.valid) {
      out += kReplacement;
    } else if (next.code == '"' || next.code == '\\') {
      out += '\\';
      out += static_cast<char>(next.code);
    } else if (next.code < 0x20 || (for_terminal && next.code >= 0x7F && next.code < 0xA0)) {
      append_escape(out, next.code);
    } else {
      out.append(text.substr(0, next.bytes));
    }
    text.remove_prefix(next.bytes);
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view value) {
  out += '"';
  append_escaped(out, value, false);
  out += '"';
}

void append_readable(std::string& out, std::string_view value) {
  const bool quoted = value.empty() || value.find_first_of(" \"=") != std::string_view::npos;
  if (quoted) out += '"';
  append_escaped(out, value, true);
  if (quoted) out += '"';
}

std::string_view cut_utf8(std::string_view value, std::size_t max_bytes) {
  if (value.size() <= max_bytes) return value;
  std::size_t end = max_bytes;
  // A character has at most three bytes after its first.
  for (int back = 0; back < 3 && end > 0; ++back) {
    if ((static_cast<unsigned char>(value[end]) & 0xC0) != 0x80) break;
    --end;
  }
  return value.substr(0, end);
}

std::string clean_utf8(std::string_view value, std::size_t max_bytes) {
  std::string out;
  out.reserve(std::min(value.size(), max_bytes));
  while (!value.empty()) {
    const Character next = decode(value);
    const std::string_view piece = next.valid ? value.substr(0, next.bytes) : kReplacement;
    if (out.size() + piece.size() > max_bytes) break;
    out += piece;
    value.remove_prefix(next.bytes);
  }
  return out;
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace sluice::telemetry
