// What is said first on a new connection, and what is made of the answers: pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "redis/command.h"
#include "redis/failure.h"
#include "redis/server_facts.h"
#include "redis/settings.h"

namespace sluice::redis {

enum class Peer : std::uint8_t { kMaster, kSentinel };

// The commands, all sent at once: HELLO 2 with the login and the connection's name, then, to a
// server, SELECT and the questions for its facts.
std::vector<Command> handshake_commands(Peer peer, const Login& login);

// From one answer for each command: the facts, or kUnavailable when this is not the server that is
// wanted: it refused the login, is too old, a replica, a Sentinel, part of a cluster, or still
// loading. `where` is its address.
Result<ServerFacts> judge_handshake(Peer peer, const Login& login, std::span<Answer> answers,
                                    const std::string& where);

}  // namespace sluice::redis
