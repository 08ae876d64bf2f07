// The bodies of :predict, between JSON and requests, without HTTP.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "inference/callable.h"
#include "inference/request.h"

namespace simdjson::dom {
class element;
}

namespace sluice::api::tensorflow_serving {

// How tensors stand in a body: `instances` with a value, or an object of named values, for each
// row, or `inputs` with whole tensors. The answer has the same form.
enum class BodyForm : std::uint8_t { kRow, kColumn };

struct PredictBody {
  BodyForm form = BodyForm::kRow;
  InferRequest request;
};

// The text that was parsed, and what of it stands for words that JSON does not have.
struct BodyText {
  std::size_t size = 0;
  bool has_tokens = false;  // it comes from without_tokens()
};

// Types come from the description, shapes from how the values are nested, which must be the same
// all over. A model with one input takes its values without a name. Strings are their UTF-8, or
// {"b64": ".."}. kInvalid for anything else, with the place: instances[2].x[0].
Result<PredictBody> decode_predict(const simdjson::dom::element& root,
                                   const Description& description, const BodyText& text);

// Appends {"predictions": [..]} or {"outputs": ..}. The only output stands without its name;
// otherwise they are objects, in the form kRow one for each row. Floats always have a point or an
// exponent, and NaN and infinities are the words of without_tokens(). A string of an output whose
// name ends in "_bytes", and any that is not UTF-8, is {"b64": ".."}. kInvalid where outputs have
// no rows, or different ones, in the form kRow; kInternal where there is no output.
Result<> encode_predict(std::string& out, BodyForm form, const InferResponse& response);

std::string error_json(std::string_view message);

}  // namespace sluice::api::tensorflow_serving
