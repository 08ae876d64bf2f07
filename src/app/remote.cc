#include "app/remote.h"

#include <optional>

#include "base/format.h"
#include "http/client/client.h"
#include "http/json/reader.h"
#include "runtime/event_loop.h"

namespace sluice::app {

namespace {

constexpr std::size_t kLongestRefusal = 64 * 1024;

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 400:
    case 422:
      return ErrorCode::kInvalid;
    default:
      return ErrorCode::kUnavailable;
  }
}

// What an error answer says: the text of "error" or "detail", else its first line.
std::string reason_of(const http::ClientResponse& response) {
  json::Reader reader;
  if (const auto root = reader.parse_copy(response.body)) {
    for (const char* key : {"error", "detail"}) {
      std::string_view text;
      if ((*root)[key].get_string().get(text) == simdjson::SUCCESS) return std::string(text);
    }
  }
  return response.body.substr(0, response.body.find('\n'));
}

}  // namespace

Result<http::ClientResponse> ask(const http::Url& base, std::string_view path, std::string body,
                                 std::string_view key) {
  Question question{.path = std::string(path), .key = std::string(key)};
  if (!body.empty()) question.method = http::Method::kPost;
  question.body = std::move(body);
  return ask(base, std::move(question));
}

Result<http::ClientResponse> ask(const http::Url& base, Question question) {
  const SystemClock clock;
  EventLoop loop;
  http::CachingResolver resolver({.threads = 1}, clock);
  std::optional<Result<http::ClientResponse>> answer;
  std::string refusal;  // the body of an answer that is not 2xx, where the others go elsewhere
  {
    http::Client client(loop, resolver, {});
    http::ClientRequest request;
    request.method = question.method;
    request.target = base.path + question.path;
    request.deadline = Deadline::after(clock.now(), question.limit);
    request.headers = std::move(question.headers);
    if (!question.key.empty()) request.headers.set("X-API-Key", std::move(question.key));
    if (question.body_source || !question.body.empty())
      request.headers.set("Content-Type", question.content_type);
    request.body = std::move(question.body);
    request.body_source = std::move(question.body_source);
    bool good = false;
    if (question.on_body) {
      request.on_head = [&](const http::ClientResponse& head) { good = head.status / 100 == 2; };
      request.on_body = [&](std::string_view part) {
        if (good) return question.on_body(part);
        refusal += part;
        return refusal.size() <= kLongestRefusal;
      };
    }
    loop.post([&] {
      client.start(http::Origin::of(base), std::move(request), [&](auto result) {
        answer = std::move(result);
        loop.stop();
      });
    });
    loop.run();
  }
  if (!*answer) return *answer;
  http::ClientResponse& response = **answer;
  if (response.status / 100 == 2) return *answer;
  if (response.body.empty()) response.body = std::move(refusal);
  return fail(code_of(response.status), formatted("{} answered {}: {}", to_string(base),
                                                  response.status, reason_of(response)));
}

}  // namespace sluice::app
