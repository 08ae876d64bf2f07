#include "app/remote.h"

#include <format>
#include <optional>

#include "http/client/client.h"
#include "http/json/reader.h"
#include "runtime/event_loop.h"

namespace sluice::app {

namespace {

constexpr std::chrono::seconds kLongest{10};

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

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    default:
      return ErrorCode::kUnavailable;
  }
}

}  // namespace

Result<http::ClientResponse> ask(const http::Url& base, std::string_view path, std::string body,
                                 std::string_view key) {
  const SystemClock clock;
  EventLoop loop;
  http::CachingResolver resolver({.threads = 1}, clock);
  std::optional<Result<http::ClientResponse>> answer;
  {
    http::Client client(loop, resolver, {});
    http::ClientRequest request;
    request.target = base.path + std::string(path);
    request.deadline = Deadline::after(clock.now(), kLongest);
    if (!key.empty()) request.headers.add("X-API-Key", std::string(key));
    if (!body.empty()) {
      request.method = http::Method::kPost;
      request.headers.add("Content-Type", "application/json");
      request.body = std::move(body);
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
  if ((*answer)->status / 100 == 2) return *answer;
  return fail(code_of((*answer)->status), std::format("{} answered {}: {}", to_string(base),
                                                      (*answer)->status, reason_of(**answer)));
}

}  // namespace sluice::app
