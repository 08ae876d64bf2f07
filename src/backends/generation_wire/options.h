// How a language model behind a wire is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backends/replicas/options.h"
#include "base/time.h"
#include "config/describe.h"

namespace sluice::generation_wire {

// Engines of one callable: as many as a mask of those that were tried has bits.
inline constexpr std::size_t kMaxEngines = 64;

// An empty path means: none.
struct TlsOptions {
  std::filesystem::path ca;
  bool verify = true;
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct EngineOptions {
  std::string url;
  std::uint32_t slots = 4;
  std::optional<std::uint32_t> reserved;
  double weight = 1.0;
  bool best_effort_only = false;

  // Kept free of best effort.
  [[nodiscard]] std::uint32_t reserved_slots() const;
};

enum class TaskKind : std::uint8_t { kGenerate, kEmbed };

// A dialect's options derive from this.
struct WireOptions {
  std::vector<std::string> urls;   // engines with nothing special about them
  std::uint32_t engine_slots = 4;  // of each of these
  std::optional<std::uint32_t> engine_reserved;
  std::vector<EngineOptions> engines;  // those with something special; after `urls`
  std::string engine_model;            // empty: as the callable
  TaskKind task = TaskKind::kGenerate;
  std::optional<config::Secret> api_key;

  Duration timeout = std::chrono::minutes(10);
  Duration connect_timeout = std::chrono::seconds(2);
  Duration first_token_timeout = std::chrono::minutes(2);
  Duration token_timeout = std::chrono::seconds(30);
  Duration models_every = std::chrono::seconds(10);  // zero: never
  std::size_t max_waiting = 256;                     // calls of each class that wait for a slot
  std::size_t max_answer_bytes = 64 * 1024 * 1024;
  std::size_t max_event_bytes = 4 * 1024 * 1024;

  TlsOptions tls;
  replicas::EjectionOptions ejection;
  replicas::RetryOptions retry;

  // `urls` and `engines` as one list.
  [[nodiscard]] std::vector<EngineOptions> all_engines() const;
};

void describe(config::Choices<TaskKind>& c);
void describe(config::Fields<TlsOptions>& f);
void describe(config::Fields<EngineOptions>& f);
// For the dialect's own validate().
void validate_wire(const WireOptions& o, config::Problems& p, const config::Node& at);

}  // namespace sluice::generation_wire
