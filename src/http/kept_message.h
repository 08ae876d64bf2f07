// A request that is kept to be answered later, and its answer, as text that outlives the process:
//
//   POST /v2/models/iris/infer?x=1        200
//   content-type: application/json        content-type: application/json
//
//   the body                              the body
//
// Lines end in a line feed alone; names are in small letters.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace sluice::http {

struct KeptMessage {
  std::string first_line;
  HeaderList headers;
  std::string body;

  [[nodiscard]] std::string to_text() const;
  // kInvalid when the text is none.
  static Result<KeptMessage> read(std::string_view text);
};

}  // namespace sluice::http
