// Channels of a server's publish and subscribe, kept over lost connections.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "redis/connection.h"
#include "redis/keeper.h"

namespace sluice::redis {

// What was published. The texts live as long as the callback runs.
struct Message {
  std::string_view pattern;  // that matched; empty for a channel that was subscribed to by name
  std::string_view channel;
  std::string_view payload;
};

// A connection of its own, of one event loop, as a Connection is. The server keeps nothing for
// subscribers that are away, so what is published while the connection is lost never comes:
// on_live() says when a subscription has begun, each time, and whoever waits for something reads
// the state that the messages are about then. "Subscribe, then read, then listen" misses nothing.
class Subscriber final : Keeper::Owner {
 public:
  // The most channels and patterns together.
  static constexpr std::size_t kMaxSubscriptions = 100'000;

  struct Callbacks {
    // Must be there.
    std::function<void(const Message&)> on_message;
    // From now on messages of this channel or pattern come; before, some may have been missed.
    std::function<void(std::string_view name)> on_live;
  };

  Subscriber(EventLoop& loop, http::Resolver& resolver, ConnectionSetup setup, Callbacks callbacks);
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  void start() { keeper_.start(); }
  void stop();

  // Whether connected or not; kExhausted over the bound. Subscribing twice does nothing.
  Result<> subscribe(std::string channel) { return add(std::move(channel), Kind::kChannel); }
  Result<> subscribe_pattern(std::string pattern) {
    return add(std::move(pattern), Kind::kPattern);
  }
  void unsubscribe(const std::string& channel) { remove(channel, Kind::kChannel); }
  void unsubscribe_pattern(const std::string& pattern) { remove(pattern, Kind::kPattern); }

  [[nodiscard]] bool is_up() const { return keeper_.link() != nullptr; }
  [[nodiscard]] std::size_t subscriptions() const { return names_[0].size() + names_[1].size(); }

 private:
  enum class Kind : std::uint8_t { kChannel, kPattern };
  using Names = std::unordered_set<std::string>;

  Names& names(Kind kind) { return names_[static_cast<std::size_t>(kind)]; }
  Result<> add(std::string name, Kind kind);
  void remove(const std::string& name, Kind kind);
  void resubscribe(Kind kind);
  void arm_ping();

  void on_up(const ServerFacts& facts) override;
  void on_down(const Error& why) override;
  void on_push(Reply reply) override;

  EventLoop& loop_;
  const std::function<void(const ServerFacts&)> tell_up_;
  const std::function<void(const Error&)> tell_down_;
  const Callbacks callbacks_;
  std::array<Names, 2> names_;
  TimerId ping_timer_ = 0;
  Keeper keeper_;
};

}  // namespace sluice::redis
