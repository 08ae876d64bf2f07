// Reads JSON with simdjson, and says where it is wrong when it is. Include in .cc files only.
#pragma once

#include <simdjson.h>

#include <string_view>

#include "base/result.h"

namespace sluice::json {

// How many readable bytes must follow a text that is parsed in place.
inline constexpr std::size_t kPadding = simdjson::SIMDJSON_PADDING;
// Deeper nesting is refused: nothing that Sluice reads needs more.
inline constexpr std::size_t kMaxNesting = 64;

// A parser that keeps its memory from one text to the next. One thread at a time; what parse()
// returned is gone with the next parse().
class Reader {
 public:
  // `text` must be followed by kPadding readable bytes, as request bodies are. The error is
  // kInvalid and names the byte: "not JSON at byte 12: ...".
  Result<simdjson::dom::element> parse(std::string_view text);
  // For any other text: copies it.
  Result<simdjson::dom::element> parse_copy(std::string_view text);

 private:
  Result<simdjson::dom::element> parse(std::string_view text, bool copy);
  simdjson::dom::parser parser_;
};

// "a string", "a number", ...: for messages of the form "expected ..., got ...".
std::string_view kind_of(const simdjson::dom::element& value);
// The value as text for a message, cut to a bearable length.
std::string excerpt(const simdjson::dom::element& value);

}  // namespace sluice::json
