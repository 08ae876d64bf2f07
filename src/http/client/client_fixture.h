// A client, a server under the test's control, and one loop for both. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/client/client.h"
#include "http/client/test_server.h"

namespace sluice::http {

// Answers from a table, at once.
class TableResolver final : public Resolver {
 public:
  void resolve(const std::string& host, Executor&, Done done) override {
    if (silent) return kept.push_back(std::move(done));
    const auto it = table.find(host);
    if (it == table.end()) return done(fail(unavailable("cannot resolve the host '" + host + "'")));
    Addresses addresses;
    for (const std::string& ip : it->second) addresses.push_back(*Address::parse(ip, 0));
    done(std::move(addresses));
  }
  std::map<std::string, std::vector<std::string>> table;
  bool silent = false;
  std::vector<Done> kept;
};

class Clients : public testing::Test {
 protected:
  TestServer& serve(TestServer::OnRequest on_request, TlsContextPtr tls = nullptr,
                    std::string path = {}) {
    server_ =
        std::make_unique<TestServer>(loop_, std::move(on_request), std::move(tls), std::move(path));
    return *server_;
  }
  Client& client(ClientOptions options = {}) {
    client_ = std::make_unique<Client>(loop_, resolver_, options);
    return *client_;
  }
  [[nodiscard]] Origin origin() const { return Origin::of(*parse_url(server_->url())); }
  // Starts a request, whose result will be at its place in the order of asking.
  CancelHandle ask(ClientRequest request, std::optional<Origin> to = {}, Task then = [] {}) {
    if (!client_) client();
    const std::size_t i = asked_++;
    results_.resize(asked_, fail(internal("no result yet")));
    return client_->start(to ? *to : origin(), std::move(request),
                          [this, i, then = std::move(then)](auto result) mutable {
                            results_[i] = std::move(result);
                            ++answered_;
                            then();
                            if (answered_ == asked_) loop_.stop();
                          });
  }
  // Until everything that was asked has a result. Once in a test.
  void run() { loop_.run(); }
  [[nodiscard]] ErrorCode code(std::size_t i = 0) const {
    return results_[i] ? ErrorCode::kInternal : results_[i].error().code;
  }
  [[nodiscard]] std::string message(std::size_t i = 0) const {
    return results_[i] ? "status " + std::to_string(results_[i]->status)
                       : results_[i].error().message;
  }
  [[nodiscard]] std::string body(std::size_t i = 0) const {
    return results_[i] ? results_[i]->body : message(i);
  }
  [[nodiscard]] Deadline soon() const {
    return Deadline(loop_.now() + std::chrono::milliseconds(30));
  }

  EventLoop loop_;
  TableResolver resolver_;
  std::unique_ptr<TestServer> server_;
  std::unique_ptr<Client> client_;
  std::vector<Result<ClientResponse>> results_;
  std::size_t asked_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace sluice::http
