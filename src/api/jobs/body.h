// The JSON objects that callers of jobs send: their fields, and what is said of wrong ones. Include
// in .cc files only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "http/exchange.h"
#include "http/json/reader.h"

namespace sluice::api::jobs {

// The body as an object; `example` is what would be right. kInvalid otherwise.
Result<simdjson::dom::object> read_object(json::Reader& reader, std::string_view body,
                                          std::string_view example);
// kInvalid names the first field that is none of these.
Result<> only_known_fields(const simdjson::dom::object& body,
                           std::span<const std::string_view> known);
// None when the field is absent or null; kInvalid when it is of another kind.
Result<std::optional<std::string_view>> text_field(const simdjson::dom::object& body,
                                                   const char* name);
Result<std::optional<std::int64_t>> integer_field(const simdjson::dom::object& body,
                                                  const char* name, std::int64_t least,
                                                  std::int64_t most);
Result<std::optional<Duration>> duration_field(const simdjson::dom::object& body, const char* name,
                                               Duration least, Duration most);

// The error as an answer. A body that is no JSON is 400, as everywhere; what JSON says is 422.
void refuse(http::Exchange& exchange, const Error& error);

}  // namespace sluice::api::jobs
