// Asks a running server, for the commands that do.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client/response_parser.h"
#include "http/client/url.h"

namespace sluice::app {

// One request to `<base><path>`; waits for the answer, up to ten seconds. A body makes it a POST, a
// key goes along as X-API-Key. An answer that is not 2xx is an error with what the server said.
Result<http::ClientResponse> ask(const http::Url& base, std::string_view path,
                                 std::string body = {}, std::string_view key = {});

}  // namespace sluice::app
