// NaN, Infinity and -Infinity, which TensorFlow Serving takes and gives in JSON, which has no such
// words (RFC 8259, section 6). Our parser refuses them, so they are replaced before.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace simdjson::dom {
class element;
}

namespace sluice::api::tensorflow_serving {

// The text with each of these words outside of strings replaced by an object of the same length, so
// that places in it stay what they were. Nothing when there is none: then the text is as it was.
std::optional<std::string> without_tokens(std::string_view json);

// The number for which an object stands, in a text of without_tokens(); nothing for another one.
std::optional<double> token_of(const simdjson::dom::element& value);

}  // namespace sluice::api::tensorflow_serving
