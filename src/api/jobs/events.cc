#include "api/jobs/events.h"

#include <charconv>
#include <utility>

#include "api/jobs/job_json.h"
#include "base/format.h"

namespace sluice::api::jobs {

namespace {

constexpr std::chrono::seconds kHeartbeat{15};

std::uint32_t last_event_id(const http::RequestHead& head) {
  const std::string_view text = head.header("Last-Event-ID").value_or("");
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() ? id : 0;
}

// Attached to its exchange, and used on that one's loop only.
class Events {
 public:
  Events(http::Exchange& exchange, const sluice::jobs::Desk& desk, std::string id)
      : exchange_(exchange), desk_(desk), id_(std::move(id)) {}

  void start(const sluice::jobs::JobView& first) {
    sent_ = last_event_id(exchange_.head());
    const http::HeaderList headers{{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
    exchange_.start_stream({200, "text/event-stream", &headers});
    exchange_.on_cancel([this] { look(); });
    watch_ = desk_.hub.watch(id_, exchange_.loop(), [this](const auto&) { look(); });
    beat();
    tell(first);
    // What changed between the read and the watch.
    if (!ended_) look();
  }

 private:
  void beat() {
    timer_ = exchange_.loop().run_at(exchange_.loop().now() + kHeartbeat, [this] {
      if (!blocked_) write(": still here\n\n");
      beat();
    });
  }
  void look() {
    if (std::exchange(asking_, true)) {
      again_ = true;
      return;
    }
    again_ = false;
    desk_.store.get(exchange_.loop(), id_, sluice::jobs::Store::Want::kOutput,
                    [this](Result<sluice::jobs::JobView> view) {
                      asking_ = false;
                      // A job that is gone has been told of to its end; a store that is away is
                      // asked again with the next news or heartbeat.
                      // A reader of a process that is going to end comes back to another.
                      if (exchange_.cancelled() || desk_.hub.ending() ||
                          (!view && view.error().code == ErrorCode::kNotFound)) {
                        return end();
                      }
                      if (view) tell(*view);
                      if (!ended_ && again_) look();
                    });
  }
  void tell(const sluice::jobs::JobView& view) {
    // A slow reader gets the latest state when it has taken the last one.
    if (blocked_) {
      again_ = true;
      return;
    }
    if (view.job.revision > sent_) {
      sent_ = view.job.revision;
      std::string event = formatted("id: {}\nevent: {}\ndata: ", sent_, to_string(view.job.state));
      append_job(event, view.job, view.output);
      event += "\n\n";
      write(event);
    }
    if (is_terminal(view.job.state)) end();
  }
  void write(std::string_view text) {
    blocked_ = !exchange_.write_stream(text);
    if (!blocked_) return;
    exchange_.on_writable([this] {
      blocked_ = false;
      look();
    });
  }
  void end() {
    ended_ = true;
    watch_.stop();
    exchange_.loop().cancel(timer_);
    exchange_.on_cancel(nullptr);
    exchange_.on_writable(nullptr);
    // This object may go with it: nothing of it is touched after. Those who called look at `ended_`
    // only through tell(), so the end comes by itself, later.
    exchange_.loop().post([&exchange = exchange_] { exchange.end_stream(); });
  }

  http::Exchange& exchange_;
  const sluice::jobs::Desk& desk_;
  std::string id_;
  sluice::jobs::Hub::Watch watch_;
  TimerId timer_ = 0;
  std::uint32_t sent_ = 0;  // the revision that the reader has
  bool asking_ = false;
  bool again_ = false;
  bool blocked_ = false;
  bool ended_ = false;
};

}  // namespace

void stream_events(http::Exchange& exchange, const sluice::jobs::Desk& desk,
                   const sluice::jobs::JobView& first) {
  // A reader that has all there will ever be is told not to come back.
  if (is_terminal(first.job.state) && last_event_id(exchange.head()) >= first.job.revision) {
    return exchange.respond({204, {}, nullptr}, {});
  }
  exchange.attach<Events>(exchange, desk, first.job.id).start(first);
}

}  // namespace sluice::api::jobs
