// A server whose every move a test decides: what it answers, in which pieces, when it hangs up.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/client/transport.h"
#include "runtime/event_loop.h"

namespace sluice::http {

// On loopback at a port of the kernel's choice, or on a Unix socket; on the loop of the test, so
// that one thread sees everything. For tests only.
class TestServer final : IoHandler {
 public:
  class Peer;
  // A whole request has come (by Content-Length); `request` is its text. The n-th of this server
  // counts from 0 over all connections.
  using OnRequest = std::function<void(Peer&, const std::string& request, int n)>;

  TestServer(EventLoop& loop, OnRequest on_request, TlsContextPtr tls = nullptr,
             std::string socket_path = {});
  ~TestServer() override;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const;
  [[nodiscard]] int requests() const { return requests_; }
  [[nodiscard]] int accepted() const { return static_cast<int>(peers_.size()); }
  [[nodiscard]] int open() const;  // connections that neither side has closed
  // From now on connections are refused.
  void stop_listening();
  std::function<void()> on_closed;         // a client hung up
  std::function<void(Peer&)> on_accepted;  // when set, the server reads nothing

  class Peer final : public IoHandler {
   public:
    Peer(TestServer& server, int fd);
    ~Peer() override { close(); }
    Peer& send(std::string_view bytes);
    // "HTTP/1.1 200 OK" with this body.
    Peer& answer(std::string_view body, std::string_view extra_head = {});
    void close();
    void reset();  // RST instead of FIN
    [[nodiscard]] bool is_open() const { return open_; }

   private:
    void on_io(bool readable, bool writable) override;
    void read_all();
    TestServer& server_;
    ClientTransport transport_;
    bool open_ = true;
    bool shaken_ = false;
    std::string in_;
    std::string out_;
  };

 private:
  void on_io(bool readable, bool writable) override;

  EventLoop& loop_;
  OnRequest on_request_;
  TlsContextPtr tls_;
  std::string socket_path_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  int requests_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
};

// A port of loopback on which nothing listens.
std::uint16_t closed_port();

}  // namespace sluice::http
