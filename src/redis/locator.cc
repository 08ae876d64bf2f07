#include "redis/locator.h"

#include <utility>

#include "base/format.h"

namespace sluice::redis {

// A link to a Sentinel for one question.
struct Locator::Asked final : Link::Owner {
  ~Asked() {
    if (link) link->close(cancelled("the Sentinel is not asked any more"));
  }
  void on_link_end(const Error&) override {}  // the question is answered with the reason
  LinkPtr link;
};

void Locator::find(Done done) {
  stop();
  if (settings_->server) return done(*settings_->server);
  done_ = std::move(done);
  asked_ = 0;
  reasons_.clear();
  ask();
}

void Locator::stop() {
  done_ = nullptr;
  dial_ = nullptr;
  sentinel_ = nullptr;
}

void Locator::finish(Result<http::Origin> result) {
  Done done = std::exchange(done_, nullptr);
  stop();
  if (done) done(std::move(result));
}

void Locator::ask() {
  const auto& sentinels = settings_->sentinels;
  if (asked_ == sentinels.size()) {
    return finish(fail(unavailable(formatted("no Sentinel names the master '{}': {}",
                                             settings_->options.sentinel->master, reasons_))));
  }
  const http::Origin& sentinel = sentinels[(first_ + asked_) % sentinels.size()];
  dial_ = std::make_shared<Dial>(loop_, resolver_, settings_, Peer::kSentinel, sentinel);
  const auto dial = dial_;  // it may end within
  dial->start([this, held = weak_from_this()](Result<Dial::Ready> ready) {
    const auto self = held.lock();
    if (!self || !done_) return;
    const auto ended = std::exchange(dial_, nullptr);
    if (!ready) return ask_next(ready.error().message);
    ask_master(ready->link);
  });
}

void Locator::ask_master(const LinkPtr& link) {
  sentinel_ = std::make_shared<Asked>();
  sentinel_->link = link;
  link->adopt(*sentinel_, {});
  redis::Done done = [this, held = weak_from_this(), where = link->where()](Answer answer) {
    const auto self = held.lock();
    if (self && done_) take(where, std::move(answer));
  };
  const Duration patience = settings_->options.connect_timeout;
  const Link::Wait wait{.deadline = Deadline::after(loop_.now(), patience), .patience = patience};
  const Command question("SENTINEL", "GET-MASTER-ADDR-BY-NAME",
                         settings_->options.sentinel->master);
  if (auto sent = link->send(question, wait, done); !sent) done(std::unexpected(sent.error()));
}

void Locator::take(const std::string& where, Answer answer) {
  const auto asked = std::exchange(sentinel_, nullptr);
  if (!answer) return ask_next(answer.error().error.message);
  if (answer->is_nil()) {
    return ask_next(formatted("the Sentinel at {} knows no such master", where));
  }
  const auto port = (*answer)[1].number();
  const std::string host((*answer)[0].text());
  if (host.empty() || !port || *port < 1 || *port > 65'535) {
    return ask_next(formatted("the Sentinel at {} gave no address", where));
  }
  first_ = (first_ + asked_) % settings_->sentinels.size();
  finish(settings_->server_at({.host = host, .port = static_cast<std::uint16_t>(*port)}));
}

void Locator::ask_next(const std::string& why) {
  if (!reasons_.empty()) reasons_ += "; ";
  reasons_ += why;
  ++asked_;
  ask();
}

}  // namespace sluice::redis
