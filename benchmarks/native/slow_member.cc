// A classifier behind HTTP that answers {"prediction":[P,Q]} after a set time, for the rows with
// remote members.
//
//   slow_member --delay_ms 20 --prediction 0.99,0.01 [--silent 1]
//
// Prints the port that the kernel gave it. With --silent 1 it takes requests and never answers: a
// member that hangs. GET /health is answered at once.

#include <cstdint>
#include <string>
#include <string_view>

#include "flags.h"
#include "paced_server.h"

namespace {

using std::chrono::nanoseconds;

struct Answer {};  // there is one

class Member final : public bench::PacedServer<Answer> {
 public:
  Member(nanoseconds delay, bool silent, const std::string& prediction)
      : delay_(delay),
        silent_(silent),
        answer_(bench::json_answer("{\"prediction\":[" + prediction + "]}")) {}

 private:
  void on_request(Peer peer, std::string_view request) override {
    if (request.starts_with("GET /health")) return reply(peer, health_);
    if (!silent_) promise(peer, {}, bench::Clock::now() + delay_);
  }
  void on_due(Peer peer, Answer /*what*/, bench::Clock::time_point /*at*/) override {
    reply(peer, answer_);
  }

  const nanoseconds delay_;
  const bool silent_;
  const std::string answer_;
  const std::string health_ = bench::json_answer(R"({"health":"ok"})");
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Flags flags(argc, argv);
  const auto delay = nanoseconds(static_cast<std::int64_t>(flags.number("delay_ms", 20) * 1e6));
  Member(delay, flags.number("silent", 0) != 0, flags.text("prediction", "0.99,0.01")).run();
}
