#include "api/jobs/waiting.h"

#include <charconv>
#include <utility>

#include "api/jobs/owner.h"
#include "base/format.h"
#include "config/units.h"
#include "http/later.h"

namespace sluice::api::jobs {

namespace {

// Attached to its exchange, and used on that one's loop only.
class Waiting {
 public:
  Waiting(http::Exchange& exchange, const sluice::jobs::Desk& desk, std::string id, Answer answer)
      : exchange_(exchange), desk_(desk), id_(std::move(id)), answer_(std::move(answer)) {}

  void start(Duration wait) {
    // First the watch, then the look: so nothing can happen unseen in between.
    watch_ = desk_.hub.watch(id_, exchange_.loop(), [this](const auto& ended) {
      ended_ = ended;
      look();
    });
    timer_ = exchange_.loop().run_at(exchange_.loop().now() + wait, [this] {
      timer_ = 0;
      over_ = true;
      look();
    });
    exchange_.on_cancel([this] {
      over_ = true;
      look();
    });
    look();
  }

 private:
  void look() {
    if (std::exchange(asking_, true)) {
      again_ = true;
      return;
    }
    again_ = false;
    if (ended_) return seen(*ended_);
    desk_.store.get(exchange_.loop(), id_, sluice::jobs::Store::Want::kOutput,
                    [this](Result<sluice::jobs::JobView> view) { seen(view); });
  }
  void seen(const Result<sluice::jobs::JobView>& view) {
    asking_ = false;
    over_ = over_ || desk_.hub.ending();
    if (view && !is_terminal(view->job.state) && !over_ && may_see(exchange_, view->job.owner)) {
      if (again_) look();
      return;
    }
    watch_.stop();
    exchange_.loop().cancel(timer_);
    exchange_.on_cancel(nullptr);
    // This object goes with the answer.
    Answer answer = std::move(answer_);
    if (view && !may_see(exchange_, view->job.owner)) {
      return answer(exchange_, fail(no_such_job(id_)));
    }
    answer(exchange_, view);
  }

  http::Exchange& exchange_;
  const sluice::jobs::Desk& desk_;
  std::string id_;
  Answer answer_;
  sluice::jobs::Hub::Watch watch_;
  TimerId timer_ = 0;
  std::shared_ptr<const sluice::jobs::JobView> ended_;
  bool asking_ = false;
  bool again_ = false;
  bool over_ = false;
};

}  // namespace

Result<std::optional<Duration>> wanted_wait(const http::RequestHead& head, const http::Query& query,
                                            Duration longest) {
  if (const auto text = query.find("wait")) {
    const auto wait = config::parse_duration(*text);
    if (!wait) {
      return fail(invalid(formatted("wait: expected how long, like 20s; got \"{}\"", *text)));
    }
    return std::min(*wait, longest);
  }
  if (const auto text = http::preference(head, "wait")) {
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    // A preference that cannot be read is no reason to refuse (RFC 7240, section 2).
    if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
    return std::min<Duration>(std::chrono::seconds(seconds), longest);
  }
  return std::nullopt;
}

void answer_when_ended(http::Exchange& exchange, const sluice::jobs::Desk& desk, std::string id,
                       Duration wait, Answer answer) {
  exchange.attach<Waiting>(exchange, desk, std::move(id), std::move(answer)).start(wait);
}

}  // namespace sluice::api::jobs
