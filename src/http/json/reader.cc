#include "http/json/reader.h"

#include "base/format.h"
#include "http/json/error_position.h"

namespace sluice::json {

namespace {
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;  // a parser grown beyond is let go
constexpr std::size_t kExcerpt = 40;
}  // namespace

Result<simdjson::dom::element> Reader::parse(std::string_view text) {
  return parse(text, false);
}
Result<simdjson::dom::element> Reader::parse_copy(std::string_view text) {
  return parse(text, true);
}

Result<simdjson::dom::element> Reader::parse(std::string_view text, bool copy) {
  if (parser_.capacity() > kKeptBytes && text.size() < kKeptBytes) {
    parser_ = simdjson::dom::parser();
  }
  if (text.size() > parser_.capacity() || parser_.max_depth() != kMaxNesting) {
    if (parser_.allocate(std::max<std::size_t>(text.size(), 4096), kMaxNesting) !=
        simdjson::SUCCESS) {
      return fail(ErrorCode::kTooLarge, "no memory to read this JSON");
    }
  }
  simdjson::dom::element root;
  const auto code = parser_.parse(text.data(), text.size(), copy).get(root);
  if (code == simdjson::SUCCESS) return root;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return fail(invalid("the body is empty where JSON is expected"));
  }
  if (code == simdjson::DEPTH_ERROR) {
    return fail(invalid(formatted("JSON nested deeper than {} levels", kMaxNesting)));
  }
  const ParseError error = position_of_error(text);
  return fail(invalid(formatted("not JSON at byte {}: {}", error.offset, error.reason)));
}

std::string_view kind_of(const simdjson::dom::element& value) {
  using enum simdjson::dom::element_type;
  switch (value.type()) {
    case ARRAY:
      return "an array";
    case OBJECT:
      return "an object";
    case INT64:
    case UINT64:
      return "an integer";
    case DOUBLE:
      return "a number";
    case STRING:
      return "a string";
    case BOOL:
      return "a boolean";
    case NULL_VALUE:
      return "null";
  }
  return "something else";
}

std::string excerpt(const simdjson::dom::element& value) {
  if (value.is_array() || value.is_object()) return std::string(kind_of(value));
  std::string text = simdjson::minify(value);
  if (value.is_string()) text.insert(0, "the string ");
  if (text.size() > kExcerpt) {
    std::size_t cut = kExcerpt;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
    text.resize(cut);
    text += "...";
  }
  return text;
}

}  // namespace sluice::json
