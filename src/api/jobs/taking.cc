#include "api/jobs/taking.h"

#include <utility>

#include "api/jobs/body.h"
#include "api/jobs/job_json.h"

namespace sluice::api::jobs {

namespace {

// Looked at again without news, in case some was lost.
constexpr std::chrono::seconds kLookEvery{5};

// Attached to its exchange, and used on that one's loop only.
class Taking {
 public:
  Taking(http::Exchange& exchange, const sluice::jobs::Desk& desk, TakeRequest request,
         std::size_t turn)
      : exchange_(exchange), desk_(desk), request_(std::move(request)), first_(turn) {}

  void start(Duration wait) {
    over_ = wait <= Duration::zero();
    if (!over_) {
      end_ = exchange_.loop().now() + wait;
      // First the watch, then the look: so nothing can happen unseen in between.
      watch_ = desk_.hub.watch_queues(request_.callables, exchange_.loop(), [this] { look(); });
      exchange_.on_cancel([this] {
        over_ = true;
        look();
      });
      look_later();
    }
    look();
  }

 private:
  void look_later() {
    const TimePoint next = std::min(end_, exchange_.loop().now() + Duration(kLookEvery));
    timer_ = exchange_.loop().run_at(next, [this] {
      over_ = over_ || exchange_.loop().now() >= end_;
      timer_ = 0;
      if (!over_) look_later();
      look();
    });
  }

  void look() {
    if (asking_) {
      again_ = true;
      return;
    }
    again_ = false;
    over_ = over_ || desk_.hub.ending();
    asking_ = true;
    asked_ = 0;
    // A client that has gone gets nothing more.
    if (exchange_.cancelled()) return looked();
    claim();
  }

  // One callable after the other, for what is still wanted.
  void claim() {
    const std::string& callable =
        request_.callables[(first_ + asked_++) % request_.callables.size()];
    desk_.store.claim(exchange_.loop(),
                      {.queues = {{callable, request_.most - taken_.size()}},
                       .worker = request_.worker,
                       .lease = request_.lease},
                      [this](auto result) { claimed(std::move(result)); });
  }
  void claimed(Result<std::vector<sluice::jobs::Claimed>> result) {
    if (!result) {
      // What another queue gave already is worth an answer.
      if (taken_.empty()) return answer(result.error());
      return looked();
    }
    for (sluice::jobs::Claimed& one : *result) taken_.push_back(std::move(one));
    const bool more = taken_.size() < request_.most && asked_ < request_.callables.size();
    if (more && !exchange_.cancelled()) return claim();
    looked();
  }

  void looked() {
    asking_ = false;
    if (exchange_.cancelled()) {
      give_back();
    } else if (taken_.empty() && !over_) {
      if (again_) look();
      return;
    }
    answer(std::nullopt);
  }

  // Nobody would ever run them.
  void give_back() {
    for (const sluice::jobs::Claimed& one : taken_) {
      desk_.store.finish(exchange_.loop(), one.ticket(),
                         sluice::jobs::Requeued{sluice::jobs::Cause::kReleased},
                         [](const Result<sluice::jobs::Job>&) {});
    }
    taken_.clear();
  }

  void answer(const std::optional<Error>& error) {
    const bool more = taken_.size() == request_.most || again_;
    watch_.stop();
    exchange_.loop().cancel(timer_);
    exchange_.on_cancel(nullptr);
    if (more && !error) {
      for (const std::string& callable : request_.callables) desk_.hub.pass_on(callable);
    }
    // This object goes with the answer.
    if (error) return refuse(exchange_, *error);
    std::string body;
    append_leases(body, taken_);
    exchange_.respond(200, "application/json", body);
  }

  http::Exchange& exchange_;
  const sluice::jobs::Desk& desk_;
  TakeRequest request_;
  const std::size_t first_;
  std::vector<sluice::jobs::Claimed> taken_;
  sluice::jobs::Hub::QueueWatch watch_;
  TimePoint end_{};
  TimerId timer_ = 0;
  std::size_t asked_ = 0;  // callables, in this look
  bool asking_ = false;
  bool again_ = false;
  bool over_ = false;
};

}  // namespace

void answer_with_leases(http::Exchange& exchange, const sluice::jobs::Desk& desk,
                        TakeRequest request, Duration wait, std::size_t turn) {
  exchange.attach<Taking>(exchange, desk, std::move(request), turn).start(wait);
}

}  // namespace sluice::api::jobs
