// What an engine's refusals mean. In .cc files only: it names simdjson.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/headers.h"

namespace sluice::generation_wire {

// The most of an engine's words that goes into a message, and the most of an answer with an error
// that is looked at.
inline constexpr std::size_t kMaxSaid = 300;
inline constexpr std::size_t kMaxErrorBody = 16 * 1024;

// A text of the engine's, fit for a message: one line, UTF-8, bounded.
std::string bounded(std::string_view text);

// What a status that is not 2xx means, with what the body says:
//   400, 422, other 4xx    kInvalid        401, 403         kUnavailable: our key is not taken
//   413                    kTooLarge       404              kUnavailable: no such model or path
//   429                    kExhausted      503, other 5xx   kUnavailable
//   408, 504               kTimeout        500, 501, 405    kInternal: it failed at this request
//   3xx                    kUnavailable (not followed)
// A 503 that says "server busy" (Ollama) is kExhausted. 429 and 503 with their Retry-After in
// seconds (at most a day) or retry-after-ms.
Error error_of(int status, const http::HeaderList& headers, std::string_view body);

// An answer's JSON, or a part of one, that is an error: `error` (a text, or an object with message,
// type and code) or {"object": "error", "message": ...}. None when it is not one; an `error` of
// null is none. The code may be a number, a text or null; the type counts where there is none.
// kInternal where it says neither: the engine failed at this request.
std::optional<Error> error_in(const simdjson::dom::element& root);

// kInternal: what came is no answer.
Error unreadable(std::string_view why);

}  // namespace sluice::generation_wire
