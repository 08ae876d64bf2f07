// A tensor's elements as JSON: `data` of the protocol's REST form.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "inference/tensor.h"

namespace simdjson::dom {
class element;
}

namespace sluice::api::open_inference {

// Reads `data`, row-major: one flat array, or arrays nested as the shape says. Integers must be
// written as such and fit their type; BOOL is true, false, 1 or 0; FP16 and BF16 are rounded from
// the number to the nearest; BYTES are strings, taken as UTF-8. `text_size` is the size of the text
// that holds it: a shape with more elements is refused before memory is taken for it. Errors name
// the input, the place (data[2][0]), what was expected and what came.
Result<Tensor> tensor_from_json(std::string name, DataType type, const Shape& shape,
                                const simdjson::dom::element& data, std::size_t text_size);

// Appends all elements as one flat array. Floats are the shortest text that reads back the same;
// NaN and infinities, which JSON does not have, become null. Fails for BYTES that are not UTF-8:
// those can only be sent as binary.
Result<> append_json(std::string& out, const Tensor& tensor);

}  // namespace sluice::api::open_inference
