#include "backends/simulated/options.h"

#include "config/fields.h"

namespace sluice::simulated {

void describe(config::Fields<SimulatedOptions>& f) {
  using O = SimulatedOptions;
  using namespace std::chrono_literals;
  f.about("simulated",
          "No model: it says the words of the last message of a user back, each a token, in the "
          "time that is given here. For tests of clients and of what stands before a model.");
  f.field("prompt_time", &O::prompt_time, "How long it reads each token of a prompt.").at_most(1h);
  f.field("token_time", &O::token_time, "How long it takes from one token to the next.")
      .at_most(1h);
  f.field("tokens", &O::tokens,
          "How many tokens an answer has, by saying the words again; 0: as many as there are.")
      .at_most(1'000'000);
  f.field("context", &O::context, "The most tokens of prompt and answer together.")
      .range(1, 1'000'000);
  f.field("dimensions", &O::dimensions,
          "Above 0 it takes texts to embed, and this is the length of their vectors.")
      .at_most(65536);
  f.field("fail_at", &O::fail_at, "The token of an answer in whose place the call fails.");
  f.field("stall_at", &O::stall_at, "The token of an answer after which none comes any more.");
}

}  // namespace sluice::simulated
