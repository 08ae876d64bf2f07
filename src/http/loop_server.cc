#include "http/loop_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "base/format.h"
#include "http/connection.h"
#include "http/tls_transport.h"

namespace sluice::http {

namespace {
constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::milliseconds kOutOfDescriptors{100};
constexpr std::size_t kSpareBuffers = 64;
}  // namespace

// Watches one listening socket.
class LoopServer::Acceptor final : public IoHandler {
 public:
  Acceptor(LoopServer& server, Binding binding) : server_(server), binding_(std::move(binding)) {
    server_.loop_.watch(binding_.fd, *this);
  }
  ~Acceptor() override {
    if (retry_ != 0) server_.loop_.cancel(retry_);
    server_.loop_.forget(binding_.fd, *this);
    ::close(binding_.fd);
  }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  Binding& binding() { return binding_; }

  void on_io(bool readable, bool) override {
    if (readable) accept_some();
  }

 private:
  void accept_some() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const int fd = ::accept4(binding_.fd, reinterpret_cast<sockaddr*>(&from), &size,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        server_.accepted(fd, ip_text(reinterpret_cast<const sockaddr*>(&from)), binding_);
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        return try_again(server_.loop_.now() + kOutOfDescriptors);
      }
      // ECONNABORTED and the like concern that connection only.
    }
    try_again(server_.loop_.now());
  }

  void try_again(TimePoint at) {
    if (retry_ != 0) return;
    retry_ = server_.loop_.run_at(at, [this] {
      retry_ = 0;
      accept_some();
    });
  }

  LoopServer& server_;
  Binding binding_;
  TimerId retry_ = 0;
};

LoopServer::LoopServer(EventLoop& loop, const ServerLimits& limits, const Clock& clock,
                       ServerObserver& observer, SharedCounts& counts, std::uint64_t seed)
    : loop_(loop),
      limits_(limits),
      clock_(clock),
      observer_(observer),
      counts_(counts),
      random_(seed) {}

LoopServer::~LoopServer() {
  acceptors_.clear();
  *alive_ = false;
  for (Connection* connection : connections_) delete connection;
  for (Connection* connection : removed_) delete connection;
}

Binding* LoopServer::bind(int fd, SitePtr site, bool is_unix) {
  acceptors_.push_back(std::make_unique<Acceptor>(*this, Binding{fd, std::move(site), is_unix}));
  return &acceptors_.back()->binding();
}

void LoopServer::set_site(Binding* binding, SitePtr site) {
  binding->site = std::move(site);
  for (Connection* connection : connections_) connection->rebind(binding, binding);
}

void LoopServer::unbind(Binding* binding) {
  for (Connection* connection : connections_) connection->rebind(binding, nullptr);
  std::erase_if(acceptors_, [&](const auto& acceptor) { return &acceptor->binding() == binding; });
}

void LoopServer::drain() {
  draining_ = true;
  for (Connection* connection : connections_) connection->rebind(nullptr, nullptr);
  while (!acceptors_.empty()) unbind(&acceptors_.back()->binding());
  const std::vector<Connection*> all(connections_.begin(), connections_.end());
  for (Connection* connection : all) connection->drain();
}

void LoopServer::abort() {
  const std::vector<Connection*> all(connections_.begin(), connections_.end());
  for (Connection* connection : all) connection->abort();
}

void LoopServer::accepted(int fd, const std::string& peer, Binding& binding) {
  const auto open = counts_.connections.fetch_add(1, std::memory_order_relaxed);
  const bool believed =
      !binding.site->proxy_protocol || binding.site->trusted_proxies.contains(peer);
  if (open >= static_cast<std::int64_t>(limits_.connections) || !believed) {
    observer_.on_refused(*binding.site, believed ? "connection_limit" : "proxy_header");
    if (believed && binding.site->tls == nullptr) {
      const auto retry_after = std::chrono::ceil<std::chrono::milliseconds>(limits_.retry_after);
      const std::string body = problem_json(
          503, {ErrorCode::kUnavailable, "too many connections are open", retry_after});
      const std::string answer = formatted(
          "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
          "Content-Length: {}\r\nRetry-After: {}\r\nConnection: close\r\n\r\n{}",
          body.size(), retry_after_seconds(retry_after), body);
      [[maybe_unused]] const auto n =
          ::send(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      ::shutdown(fd, SHUT_WR);
    }
    ::close(fd);
    counts_.connections.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  if (!binding.is_unix) {
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  auto transport = binding.site->tls == nullptr ? make_plain_transport(fd)
                                                : make_tls_transport(fd, binding.site->tls);
  auto* connection = new Connection(*this, binding.site, std::move(transport), peer);
  connections_.insert(connection);
  connection->start(binding);
}

std::string_view LoopServer::date() {
  constexpr std::chrono::milliseconds kFresh{50};
  if (loop_.now() >= next_date_) {
    next_date_ = loop_.now() + kFresh;
    date_.at(clock_.wall());
  }
  return date_.text();
}

InputBuffer LoopServer::take_buffer() {
  if (!spare_.empty()) {
    InputBuffer buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
  }
  const std::size_t size = std::max<std::size_t>(16 * 1024, limits_.head_bytes + 8 * 1024);
  return {std::make_unique_for_overwrite<char[]>(size + 64), size};
}

void LoopServer::give_buffer(InputBuffer buffer) {
  if (spare_.size() < kSpareBuffers) spare_.push_back(std::move(buffer));
}

void LoopServer::handle_later(Connection& connection) {
  ready_.push_back(&connection);
  finish_turn_later();
}

void LoopServer::send_later(Connection& connection) {
  unsent_.push_back(&connection);
  finish_turn_later();
}

void LoopServer::remove(Connection& connection) {
  connections_.erase(&connection);
  removed_.push_back(&connection);
  finish_turn_later();
}

void LoopServer::finish_turn_later() {
  if (std::exchange(turn_to_finish_, true)) return;
  defer([this] { finish_turn(); });
}

void LoopServer::finish_turn() {
  do {
    if (!ready_.empty()) handle_some();
    send_all();
  } while (!ready_.empty());
  std::erase_if(resumed_, [](const Connection* connection) { return connection->ended(); });
  for (Connection* gone : std::exchange(removed_, {})) delete gone;
  turn_to_finish_ = false;
}

// A stage, or less of it: no answer waits long to be sent for others to be made.
void LoopServer::handle_some() {
  constexpr std::chrono::microseconds kLongEnough{200};
  if (ready_.size() == 1) {
    Connection* only = ready_.front();
    ready_.clear();
    return only->handle();
  }
  const TimePoint until = precise_now() + kLongEnough;
  std::size_t done = 0;
  do {
    ready_[done]->handle();
  } while (++done < std::min(ready_.size(), kStage) && precise_now() < until);
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(done));
}

void LoopServer::send_all() {
  for (std::size_t i = 0; i < unsent_.size(); ++i) unsent_[i]->send();
  unsent_.clear();
}

void LoopServer::handle_next_turn(Connection& connection) {
  resumed_.push_back(&connection);
  if (resumed_.size() > 1) return;
  loop_.run_at(loop_.now(), [this, alive = alive_] {
    if (!*alive) return;
    for (Connection* one : std::exchange(resumed_, {})) one->resume();
  });
}

void LoopServer::defer(Task task) {
  loop_.defer([alive = alive_, task = std::move(task)]() mutable {
    if (*alive) task();
  });
}

}  // namespace sluice::http
