#include "scheduling/simulated_load.h"

#include "config/config.h"

namespace sluice::scheduling {

using namespace std::chrono_literals;

void describe(config::Fields<PeriodicArrivals>& f) {
  f.about("every", "Calls at fixed times.");
  f.field("period", &PeriodicArrivals::period, "How much time is between two times.")
      .required()
      .range(1ms, 24h * 7);
  f.field("first", &PeriodicArrivals::first, "When the first is.").at_most(24h * 7);
  f.field("calls", &PeriodicArrivals::calls, "How many come each time.").range(1, 100'000);
  f.field("in_turn", &PeriodicArrivals::in_turn,
          "Whether each of them waits for the answer of the one before; else all come together.");
}

void describe(config::Fields<PoissonArrivals>& f) {
  f.about("poisson", "Calls of many who do not know of one another.");
  f.field("per_second", &PoissonArrivals::per_second, "How many come in a second on average.")
      .range(0.000'001, 100'000.0);
}

void describe(config::Fields<ClientArrivals>& f) {
  f.about("clients", "Clients that each wait for an answer before they ask again.");
  f.field("count", &ClientArrivals::count, "How many there are.").range(1, 100'000);
  f.field("think", &ClientArrivals::think,
          "From an answer to the next question; after a refusal, at least as long as that said.")
      .at_most(24h);
}

void describe(config::Choices<Spread>& c) {
  c.choice("fixed", Spread::kFixed, "all take as long")
      .choice("exponential", Spread::kExponential, "most take less, some much more");
}

void describe(config::Fields<SimulatedLoad>& f) {
  f.about("load", "Calls of one kind.");
  f.field("class", &SimulatedLoad::service_class, "Their service class.")
      .one_of({{"realtime", "a person waits"}, {"best_effort", "nobody waits"}});
  f.field("tenant", &SimulatedLoad::tenant, "Whose they are.").default_is("the load's name");
  f.exactly_one(&SimulatedLoad::arrivals, "When they come.")
      .alternative<PeriodicArrivals>("every", "At fixed times.")
      .alternative<PoissonArrivals>("poisson", "At random, independent of one another.")
      .alternative<ClientArrivals>("clients", "After an answer to the one before.");
  f.field("service", &SimulatedLoad::service, "How long one takes on its slot, on average.")
      .range(1us, 24h);
  f.field("spread", &SimulatedLoad::spread, "How that differs.");
  f.field("deadline", &SimulatedLoad::deadline,
          "How long after its arrival a call is worth nothing; 0s: never.")
      .at_most(24h * 7);
}

void describe(config::Fields<SimulationOptions>& f) {
  f.about("simulation", "Loads, and the policies that are compared under them.");
  f.field("about", &SimulationOptions::about, "What it shows.");
  f.field("duration", &SimulationOptions::duration,
          "For how long calls come, in simulated time; what has come is answered after it.")
      .range(1ms, 24h * 30);
  f.field("seed", &SimulationOptions::seed, "Of what is random; the same seed, the same result.");
  f.field("in_time", &SimulationOptions::in_time,
          "Which answers count as in time: those that came within this.")
      .range(1us, 24h);
  f.field("loads", &SimulationOptions::loads, "Kinds of calls, by name.")
      .required()
      .entries(1, 100);
  f.field("policies", &SimulationOptions::policies, "Slots to compare, by name.")
      .required()
      .entries(1, 20);
}

Result<SimulationOptions> load_simulation(const std::filesystem::path& file) {
  config::Problems problems;
  const auto tree = config::parse_file(file, config::Surroundings::of_this_process(), problems);
  if (!tree) return fail(problems.to_error());
  auto options = config::read<SimulationOptions>(*tree, problems);
  for (const auto& [name, slots] : options.policies) validate_classes(slots, problems);
  if (!problems.empty()) return fail(problems.to_error());
  return options;
}

}  // namespace sluice::scheduling
