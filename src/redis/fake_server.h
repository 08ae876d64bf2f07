// A server whose every move a test decides: what it answers, in which pieces, when it hangs up. For
// tests only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "redis/reply_reader.h"
#include "runtime/event_loop.h"

namespace sluice::redis {

// On loopback at a port of the kernel's choice; on the loop of the test, in whose thread all of it
// runs.
class FakeServer final : IoHandler {
 public:
  class Peer;
  using Words = std::vector<std::string>;
  using OnCommand = std::function<void(Peer&, const Words& words)>;

  // `port` 0 lets the kernel choose.
  FakeServer(EventLoop& loop, OnCommand on_command, std::uint16_t port = 0);
  ~FakeServer() override;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string address() const;
  [[nodiscard]] std::size_t accepted() const { return peers_.size(); }
  [[nodiscard]] std::size_t open() const;
  [[nodiscard]] const std::vector<Words>& heard() const { return heard_; }
  [[nodiscard]] std::size_t heard(std::string_view name) const;
  // From now on connections are refused, and those that are open are closed.
  void go_away();
  void hang_up();  // closes those that are open only

  // What HELLO tells; `role` as the server says it.
  std::string version = "7.2.4";
  std::string role = "master";
  std::string mode = "standalone";
  // Answers what is asked when a connection is made, and PING. False for anything else.
  bool be_polite(Peer& peer, const Words& words);

  class Peer final : public IoHandler {
   public:
    Peer(FakeServer& server, int fd);
    ~Peer() override { close(); }
    Peer& send(std::string_view bytes);
    void close();
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    bool deaf = false;  // reads nothing

   private:
    void on_io(bool readable, bool writable) override;
    FakeServer& server_;
    int fd_;
    ReplyReader reader_{1U << 30U};
    std::string out_;
  };

 private:
  void on_io(bool readable, bool writable) override;

  EventLoop& loop_;
  OnCommand on_command_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Words> heard_;
};

// "$5\r\nhello\r\n"
std::string bulk(std::string_view text);

}  // namespace sluice::redis
