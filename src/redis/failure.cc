#include "redis/failure.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/format.h"

namespace sluice::redis {

namespace {
// When what passes may be over.
constexpr std::chrono::milliseconds kSoon{1000};

constexpr std::array<std::string_view, 11> kPassing = {
    "LOADING",  "READONLY",   "MASTERDOWN",  "BUSY",      "MISCONF",   "OOM",
    "TRYAGAIN", "NOREPLICAS", "CLUSTERDOWN", "UNBLOCKED", "UNKILLABLE"};
constexpr std::array<std::string_view, 4> kForTheOperator = {"NOAUTH", "WRONGPASS", "NOPERM",
                                                             "DENIED"};

// What an operator would want to be told beside the server's own words.
std::string_view advice(std::string_view code) {
  if (code == "OOM") return "; raise maxmemory, or lower what is kept";
  if (code == "MISCONF") return "; see its log for why it cannot write to its disk";
  if (code == "NOPERM") return "; see the ACL of the user it is configured with";
  if (code == "NOAUTH") return "; configure a password";
  return "";
}
}  // namespace

Failure refusal(std::string_view reply) {
  // Lua's errors stand behind the script's: "ERR user_script:3: WRONGTYPE ...". The first word is
  // what the server means.
  const std::string_view code = reply.substr(0, reply.find(' '));
  Failure failure{.error = {}, .fate = Fate::kRefused, .code = std::string(code)};
  const bool passes = std::ranges::contains(kPassing, code);
  if (passes || std::ranges::contains(kForTheOperator, code)) {
    failure.error =
        unavailable(formatted("the Redis server refused a command: {}{}", reply, advice(code)));
    if (passes) failure.error.retry_after = kSoon;
  } else {
    failure.error = internal(formatted("the Redis server refused a command: {}", reply));
  }
  return failure;
}

}  // namespace sluice::redis
