// Asks a running server, for the commands that do.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "http/client/client.h"
#include "http/client/response_parser.h"
#include "http/client/url.h"

namespace sluice::app {

// One request to `<base><path>`; waits for the answer, up to its limit. A body makes it a POST, a
// key goes along as X-API-Key. An answer that is not 2xx is an error with what the server said.
Result<http::ClientResponse> ask(const http::Url& base, std::string_view path,
                                 std::string body = {}, std::string_view key = {});

// The same for any method.
struct Question {
  http::Method method = http::Method::kGet;
  std::string path;  // with its query
  std::string body;
  std::shared_ptr<const http::BodySource> body_source;  // instead of `body`; null: none
  std::string content_type = "application/json";
  std::string key;  // goes into X-API-Key; empty: none
  http::HeaderList headers;
  Duration limit = std::chrono::seconds(10);
  // Where the answer's body goes as it comes, when it is 2xx; false stops.
  http::ResponseParser::OnBody on_body;
};
Result<http::ClientResponse> ask(const http::Url& base, Question question);

}  // namespace sluice::app
