// What is asked of /api/v1/summarize, and how it is answered.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/generation/fault.h"
#include "api/generation/form.h"
#include "inference/callable.h"

namespace sluice::json {
class Reader;
}

namespace sluice::news_creator {

struct SummarizeAsked {
  std::string article_id;
  std::string content;
  bool stream = false;
  std::optional<ServiceClass> priority;
};

// `body` must be followed by json::kPadding readable bytes. A fault is a violation of the schema.
api::generation::Read<SummarizeAsked> read_summarize(json::Reader& reader, std::string_view body);

// A whole answer is an object; a stream is server-sent events, each a JSON string, and what goes
// wrong in it an `event: error`.
std::unique_ptr<api::generation::Form> make_summarize_form(std::string article_id);

}  // namespace sluice::news_creator
