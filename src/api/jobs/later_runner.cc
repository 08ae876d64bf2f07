#include <algorithm>
#include <charconv>
#include <utility>

#include "api/jobs/later.h"
#include "base/format.h"
#include "http/deadline_header.h"
#include "http/kept_exchange.h"

namespace sluice::api::jobs {

namespace {

using http::KeptMessage;
using sluice::jobs::Attempt;

// The names and dates of its caller are settled; what is left is to be done when there is time.
PrincipalPtr principal_of(const sluice::jobs::Job& job, ServiceClass ceiling) {
  return std::make_shared<const Principal>(Principal{.key_id = job.owner,
                                                     .name = {},
                                                     .tenant = job.tenant,
                                                     .scopes = {.callables = {"*"}},
                                                     .ceiling = ceiling});
}

// The attempt's deadline, unless the caller's own is sooner.
void bound(KeptMessage& request, const Attempt& attempt) {
  if (attempt.deadline.is_never()) return;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(attempt.deadline.left(attempt.home->now()));
  std::int64_t ms = std::max<std::int64_t>(left.count(), 1);
  if (const auto asked = request.headers.find(http::kDeadlineHeader)) {
    std::int64_t own = 0;
    const auto [end, error] = std::from_chars(asked->data(), asked->data() + asked->size(), own);
    if (error == std::errc() && own > 0) ms = std::min(ms, own);
  }
  request.headers.set(http::kDeadlineHeader, std::to_string(ms));
}

Result<sluice::jobs::RunOutput> outcome(http::KeptAnswer answer, std::size_t most) {
  if (answer.status < 400) {
    std::string text = answer.message.to_text();
    if (text.size() > most) {
      return fail(ErrorCode::kTooLarge, formatted("the answer has {} bytes; at most {} are kept "
                                                  "(jobs.max_output_bytes)",
                                                  text.size(), most));
    }
    return sluice::jobs::RunOutput{.bytes = std::move(text)};
  }
  if (answer.error) return fail(std::move(*answer.error));
  // An API that answers so without saying why: what it takes for the caller's fault stays so.
  const std::string what = formatted("the API answered with status {}", answer.status);
  return fail(answer.status < 500 ? invalid(what) : internal(what));
}

class Stop final : public Cancellable {
 public:
  explicit Stop(std::weak_ptr<http::KeptExchange> exchange) : exchange_(std::move(exchange)) {}
  void cancel() override {
    if (const auto exchange = exchange_.lock()) exchange->cancel();
  }

 private:
  std::weak_ptr<http::KeptExchange> exchange_;
};

class RunnerOnRoutes final : public LaterRunner {
 public:
  RunnerOnRoutes(EventLoop& loop, sluice::jobs::Runner& others, std::size_t max_output_bytes)
      : loop_(loop), others_(others), max_output_bytes_(max_output_bytes) {}

  void set_routes(LaterRoutesPtr routes) override { routes_ = std::move(routes); }

  CancelHandle run(const Attempt& attempt, Done done) override {
    const sluice::jobs::Job& job = attempt.claimed->job;
    if (job.format != kHttpFormat) return others_.run(attempt, std::move(done));
    auto request = KeptMessage::read(attempt.claimed->input);
    if (!request) {
      done(fail(request.error()));
      return {};
    }
    bound(*request, attempt);
    const std::string line = request->first_line;
    const std::string listener(request->headers.find("listener").value_or(""));
    auto shared = std::make_shared<Done>(std::move(done));
    const auto exchange = http::KeptExchange::make(
        loop_, std::move(*request), principal_of(job, attempt.service_class), job.id,
        [shared, keep = routes_, most = max_output_bytes_](http::KeptAnswer answer) {
          (*shared)(outcome(std::move(answer), most));
        });
    if (serve(*exchange, listener)) return CancelHandle(std::make_shared<Stop>(exchange));
    // It was there when the job was taken: it is away, not wrong.
    (*shared)(fail(unavailable(formatted("nothing here serves {} (any more)", line))));
    return {};
  }

 private:
  // By its listener, as the configuration calls it; in a process where that has another address, by
  // the first with such a route.
  [[nodiscard]] bool serve(http::KeptExchange& exchange, std::string_view listener) const {
    if (routes_ == nullptr) return false;
    for (const bool own : {true, false}) {
      for (const LaterRoutes& routes : *routes_) {
        if ((routes.listener == listener) == own && exchange.serve(routes.router)) return true;
      }
    }
    return false;
  }

  EventLoop& loop_;
  sluice::jobs::Runner& others_;
  const std::size_t max_output_bytes_;
  LaterRoutesPtr routes_;
};

}  // namespace

std::unique_ptr<LaterRunner> make_later_runner(EventLoop& loop, sluice::jobs::Runner& others,
                                               std::size_t max_output_bytes) {
  return std::make_unique<RunnerOnRoutes>(loop, others, max_output_bytes);
}

}  // namespace sluice::api::jobs
