#include "http/json/error_position.h"

#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cstdint>

namespace sluice::json {

namespace {
constexpr std::size_t kMaxDepth = 1024;  // simdjson's

// A parser that keeps nothing of what it reads.
struct Ignore {
  static constexpr std::size_t max_object_size = -1;
  static constexpr std::size_t max_array_size = -1;
  static constexpr std::size_t max_key_size = -1;
  static constexpr std::size_t max_string_size = -1;
  using Code = boost::system::error_code;
  using Text = boost::json::string_view;
  // NOLINTBEGIN(readability-convert-member-functions-to-static)
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t, Code&) { return true; }
  bool on_string_part(Text, std::size_t, Code&) { return true; }
  bool on_string(Text, std::size_t, Code&) { return true; }
  bool on_key_part(Text, std::size_t, Code&) { return true; }
  bool on_key(Text, std::size_t, Code&) { return true; }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t, Text, Code&) { return true; }
  bool on_uint64(std::uint64_t, Text, Code&) { return true; }
  bool on_double(double, Text, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }
  // NOLINTEND(readability-convert-member-functions-to-static)
};

bool fits(std::string_view number) {
  const char* end = number.data() + number.size();
  if (number.find_first_of(".eE") != std::string_view::npos) {
    double value = 0;
    return std::from_chars(number.data(), end, value).ec == std::errc();
  }
  std::int64_t negative = 0;
  std::uint64_t positive = 0;
  return number.starts_with('-') ? std::from_chars(number.data(), end, negative).ec == std::errc()
                                 : std::from_chars(number.data(), end, positive).ec == std::errc();
}

// The grammar is right: is there a number that does not fit?
ParseError position_of_large_number(std::string_view text) {
  constexpr std::string_view kNumber = "0123456789+-.eE";
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      const std::size_t end = std::min(text.find_first_not_of(kNumber, i), text.size());
      const std::string_view number = text.substr(i, end - i);
      if (!fits(number)) return {i, "a number that does not fit 64 bits"};
      i = end - 1;
    }
  }
  return {0, "not readable"};
}

std::string reason_for(const boost::system::error_code& code) {
  using boost::json::error;
  if (code == error::incomplete) return "the text ends too early";
  if (code == error::extra_data) return "something follows the value";
  if (code == error::too_deep) return "nested too deep";
  return code.message();
}
}  // namespace

ParseError position_of_error(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::basic_parser<Ignore> parser(options);
  boost::system::error_code code;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), code);
  if (code) return {std::min(read, text.size()), reason_for(code)};
  const std::size_t rest = text.find_first_not_of(" \t\r\n", read);
  if (rest != std::string_view::npos) return {rest, "something follows the value"};
  return position_of_large_number(text);
}

}  // namespace sluice::json
