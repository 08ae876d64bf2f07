// The file of a simulation: which calls come, how long they take, and the policies to compare.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "base/time.h"
#include "config/describe.h"
#include "scheduling/options.h"

namespace sluice::scheduling {

// Calls at fixed times.
struct PeriodicArrivals {
  Duration period{};
  Duration first{};
  std::size_t calls = 1;
  bool in_turn = false;
};
void describe(config::Fields<PeriodicArrivals>& f);

// Calls of many who do not know of one another.
struct PoissonArrivals {
  double per_second = 1;
};
void describe(config::Fields<PoissonArrivals>& f);

// Clients that each wait for an answer before they ask again.
struct ClientArrivals {
  std::size_t count = 1;
  Duration think{};
};
void describe(config::Fields<ClientArrivals>& f);

enum class Spread : std::uint8_t { kFixed, kExponential };
void describe(config::Choices<Spread>& c);

struct SimulatedLoad {
  std::string service_class = "realtime";
  std::optional<std::string> tenant;
  std::variant<std::monostate, PeriodicArrivals, PoissonArrivals, ClientArrivals> arrivals;
  Duration service = std::chrono::seconds(1);
  Spread spread = Spread::kFixed;
  Duration deadline{};

  [[nodiscard]] ServiceClass class_of() const {
    return service_class == "realtime" ? ServiceClass::kRealtime : ServiceClass::kBestEffort;
  }
};
void describe(config::Fields<SimulatedLoad>& f);

struct SimulationOptions {
  std::string about;
  Duration duration = std::chrono::minutes(10);
  std::uint64_t seed = 1;
  Duration in_time = std::chrono::seconds(1);
  config::OrderedMap<SimulatedLoad> loads;
  config::OrderedMap<SlotOptions> policies;
};
void describe(config::Fields<SimulationOptions>& f);

// The options of a file, or everything that is wrong with it (kInvalid).
Result<SimulationOptions> load_simulation(const std::filesystem::path& file);

}  // namespace sluice::scheduling
