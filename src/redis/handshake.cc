#include "redis/handshake.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace sluice::redis {

namespace {
// A server that loads says so itself; how long it takes it does not know well.
constexpr std::chrono::milliseconds kLoadingRetry{1000};

Error no_use(const std::string& where, std::string_view why) {
  return unavailable(formatted("the server at {} cannot be used: {}", where, why));
}

std::string why_no_hello(const Failure& failure, const Login& login) {
  if (failure.code == "WRONGPASS") {
    return formatted("it refused the password of user '{}'",
                     login.username.empty() ? "default" : login.username);
  }
  if (failure.code == "NOAUTH") return "it asks for a password, and none is configured";
  // Redis before 6 does not know HELLO.
  if (failure.error.message.contains("unknown command")) {
    return formatted("it is older than version {}, or no Redis or Valkey", kLeastVersion);
  }
  return failure.error.message;
}

std::string why_not(Peer peer, const ServerFacts& facts) {
  const bool sentinel = facts.mode == "sentinel";
  if (peer == Peer::kSentinel) {
    return sentinel ? "" : "it is no Sentinel: `sentinel.addresses` must name Sentinels";
  }
  if (sentinel) return "it is a Sentinel: name it in `sentinel.addresses`, not in `address`";
  if (facts.major_version() < kLeastVersion) {
    return formatted("it is {} {}, and version {} or later is needed", facts.product, facts.version,
                     kLeastVersion);
  }
  if (facts.mode == "cluster") {
    return "it is part of a cluster, and one server alone or one with Sentinels is needed";
  }
  if (facts.role != "master") {
    return formatted("it is a {}, and takes no writes: the master is needed",
                     facts.role.empty() ? "replica" : facts.role);
  }
  return "";
}
}  // namespace

std::vector<Command> handshake_commands(Peer peer, const Login& login) {
  std::vector<Command> all;
  Command hello("HELLO", 2);
  if (!login.password.empty()) {
    hello.add("AUTH")
        .add(login.username.empty() ? std::string_view("default")
                                    : std::string_view(login.username))
        .add(login.password.reveal());
  }
  if (!login.client_name.empty()) hello.add("SETNAME").add(login.client_name);
  all.push_back(std::move(hello));
  if (peer == Peer::kSentinel) return all;
  all.emplace_back("SELECT", login.database);
  all.emplace_back("INFO", "memory", "persistence");
  all.emplace_back("CONFIG", "GET", "maxmemory", "maxmemory-policy", "appendonly", "appendfsync",
                   "save");
  return all;
}

Result<ServerFacts> judge_handshake(Peer peer, const Login& login, std::span<Answer> answers,
                                    const std::string& where) {
  ServerFacts facts;
  const Answer& hello = answers[0];
  if (!hello) {
    if (hello.error().fate != Fate::kRefused) return fail(hello.error().error);
    return fail(no_use(where, why_no_hello(hello.error(), login)));
  }
  read_hello(*hello, facts);
  if (const std::string why = why_not(peer, facts); !why.empty()) return fail(no_use(where, why));
  if (peer == Peer::kSentinel) return facts;
  // INFO and CONFIG may be forbidden to this user; then their facts stay unknown.
  if (answers[2]) read_info(answers[2]->text(), facts);
  if (answers[3]) read_config(*answers[3], facts);
  for (const Answer& answer : answers) {
    if (!answer && answer.error().fate != Fate::kRefused) return fail(answer.error().error);
    if (!answer && answer.error().code == "LOADING") facts.loading = true;
  }
  if (facts.loading) {
    Error error = unavailable(formatted("the server at {} is still loading its data", where));
    error.retry_after = kLoadingRetry;
    return fail(std::move(error));
  }
  // Where SELECT is forbidden, database 0 is right all the same.
  if (!answers[1] && login.database != 0) {
    return fail(no_use(where, formatted("it has no database {} for this user: {}", login.database,
                                        answers[1].error().error.message)));
  }
  return facts;
}

}  // namespace sluice::redis
