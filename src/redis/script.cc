#include "redis/script.h"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace sluice::redis {

namespace {
// How often a call is made after the server has been given the script: a server that forgets at
// once must not keep a caller waiting.
constexpr int kMostTries = 3;

std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("cannot compute the SHA-1 of a script");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4U];
    hex += kDigits[digest[i] & 15U];
  }
  return hex;
}
}  // namespace

Script::Script(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)), digest_(sha1_hex(text_)) {}

Command script_call(const Script& script, std::span<const std::string_view> keys) {
  Command call("EVALSHA", script.digest(), keys.size());
  for (const std::string_view key : keys) call.add(key);
  return call;
}

struct ScriptRunner::Call {
  const Script& script;
  Command command;
  Deadline deadline;
  Done done;
  int tries = 0;
  std::uint64_t sent_as = 0;  // Connection::sent() before it went out
};

struct ScriptRunner::State : std::enable_shared_from_this<ScriptRunner::State> {
  explicit State(Connection& c) : connection(c) {}

  void send(std::unique_ptr<Call> call) {
    call->sent_as = connection.sent();
    ++call->tries;
    const Call& said = *call;
    connection.send(said.command, said.deadline,
                    [held = shared_from_this(), call = std::move(call)](Answer answer) mutable {
                      held->take(std::move(call), std::move(answer));
                    });
  }

  void take(std::unique_ptr<Call> call, Answer answer) {
    if (!answer && answer.error().code == "NOSCRIPT" && call->tries < kMostTries && open) {
      load(*call);
      return send(std::move(call));
    }
    call->done(std::move(answer));
  }

  // Sends the text, unless it has gone out since the call did: then it stands in the pipeline
  // already, before the call's next try.
  void load(const Call& call) {
    const auto [at, is_new] = loaded.try_emplace(call.script.digest(), 0);
    if (!is_new && at->second > call.sent_as) return;
    connection.send(Command("SCRIPT", "LOAD", call.script.text()), call.deadline, [](Answer) {});
    at->second = connection.sent();
  }

  Connection& connection;
  bool open = true;
  std::unordered_map<std::string, std::uint64_t> loaded;  // by digest: Connection::sent() after it
};

ScriptRunner::ScriptRunner(Connection& connection) : state_(std::make_shared<State>(connection)) {}

ScriptRunner::~ScriptRunner() {
  state_->open = false;
}

void ScriptRunner::run(const Script& script, Command call, Deadline deadline, Done done) {
  state_->send(std::make_unique<Call>(Call{.script = script,
                                           .command = std::move(call),
                                           .deadline = deadline,
                                           .done = std::move(done)}));
}

}  // namespace sluice::redis
