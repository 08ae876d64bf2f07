#include "redis/dial.h"

#include <utility>

#include "base/format.h"

namespace sluice::redis {

namespace {
// Between the addresses of one name (RFC 8305 5).
constexpr std::chrono::milliseconds kAttemptDelay{250};
}  // namespace

Dial::Dial(EventLoop& loop, http::Resolver& resolver, SettingsPtr settings, Peer peer,
           http::Origin origin)
    : loop_(loop),
      resolver_(resolver),
      settings_(std::move(settings)),
      peer_(peer),
      origin_(std::move(origin)) {}

Dial::~Dial() {
  done_ = nullptr;
  if (link_) link_->close(cancelled("connecting to the Redis server was given up"));
}

void Dial::finish(Result<Ready> result) {
  if (!done_) return;
  Done done = std::exchange(done_, nullptr);
  done(std::move(result));
}

void Dial::start(Done done) {
  done_ = std::move(done);
  until_ = loop_.now() + settings_->options.connect_timeout;
  opening_ = std::make_shared<http::Opening>(loop_, resolver_, origin_);
  opening_->on_done([this, held = weak_from_this()](auto transport) {
    const auto self = held.lock();
    if (!self) return;
    opening_ = nullptr;
    if (!transport) {
      return finish(fail(unavailable(
          formatted("the Redis server at {}: {}", name_of(origin_), transport.error().message))));
    }
    say_hello(std::move(*transport));
  });
  const auto opening = opening_;  // it may end within
  opening->start(settings_->options.connect_timeout, kAttemptDelay);
}

void Dial::say_hello(std::unique_ptr<http::ClientTransport> transport) {
  const RedisOptions& options = settings_->options;
  link_ = std::make_shared<Link>(loop_, std::move(transport),
                                 LinkLimits{.max_in_flight = options.max_in_flight,
                                            .max_queued_bytes = options.max_queued_bytes,
                                            .max_reply_bytes = options.max_reply_bytes},
                                 name_of(origin_), static_cast<Link::Owner&>(*this));
  link_->start();
  const Login& login = peer_ == Peer::kMaster ? settings_->login : settings_->sentinel_login;
  const std::vector<Command> commands = handshake_commands(peer_, login);
  asked_ = commands.size();
  for (const Command& command : commands) {
    redis::Done take = [this, held = weak_from_this()](Answer answer) {
      const auto self = held.lock();
      if (!self || !done_) return;
      answers_.push_back(std::move(answer));
      if (answers_.size() == asked_) judge();
    };
    const Link::Wait wait{.deadline = Deadline(until_), .patience = options.connect_timeout};
    if (auto sent = link_->send(command, wait, take); !sent) take(std::unexpected(sent.error()));
  }
}

void Dial::judge() {
  const Login& login = peer_ == Peer::kMaster ? settings_->login : settings_->sentinel_login;
  auto facts = judge_handshake(peer_, login, answers_, name_of(origin_));
  const LinkPtr link = std::exchange(link_, nullptr);
  if (!facts) {
    link->close(facts.error());
    return finish(fail(facts.error()));
  }
  finish(Ready{link, std::move(*facts)});
}

// The answers that are missing come with the same error, and are judged.
void Dial::on_link_end(const Error&) {}

}  // namespace sluice::redis
