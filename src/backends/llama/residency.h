// Which models are in memory: what has to go so that another may come, and what has been idle for
// long enough.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace sluice::llama {

// Decisions over plain values; the clock is passed in. One thread at a time.
class Residency {
 public:
  // In bytes; 0: no bound.
  explicit Residency(std::uint64_t budget) : budget_(budget) {}

  // A model that takes this many bytes when it is in memory, and stays there for `keep_alive` after
  // its last call (negative: for good, or until its room is wanted). It is out of memory at first.
  void add(const std::string& model, std::uint64_t bytes, Duration keep_alive);
  void remove(const std::string& model);
  // From now on; one that is idle is so since its last call.
  void set_keep_alive(const std::string& model, Duration keep_alive);

  enum class Answer : std::uint8_t {
    kHere,
    kLoad,      // it is to be loaded now; loaded() or gone() says how that ended
    kLoading,   // that is under way
    kNoRoom,    // those in its way are in use; ask again after end() or gone()
    kTooLarge,  // it would not fit if it were alone
  };
  struct Wanted {
    Answer answer = Answer::kHere;
    std::vector<std::string> evict;  // of kLoad: these go first, and are out of memory already here
  };
  // Not `may_evict`: kNoRoom where something would have to go.
  Wanted want(const std::string& model, bool may_evict = true);
  void loaded(const std::string& model, TimePoint now);
  void gone(const std::string& model);

  // A call has it, and has done with it. `keep_alive` as the call asked for it.
  void begin(const std::string& model);
  void end(const std::string& model, TimePoint now, std::optional<Duration> keep_alive);

  // What has been idle for long enough; out of memory from now on.
  std::vector<std::string> expire(TimePoint now);
  // When that will be so for the next one.
  [[nodiscard]] std::optional<TimePoint> next() const;

  // Bytes of what is in memory or on its way there.
  [[nodiscard]] std::uint64_t used() const;
  [[nodiscard]] bool is_here(const std::string& model) const;
  [[nodiscard]] bool is_loading(const std::string& model) const {
    return models_.at(model).place == Place::kLoading;
  }
  [[nodiscard]] std::optional<TimePoint> until(const std::string& model) const;

 private:
  enum class Place : std::uint8_t { kOut, kLoading, kIn };
  struct Model {
    std::uint64_t bytes = 0;
    Duration keep_alive{};
    Place place = Place::kOut;
    std::uint32_t calls = 0;
    TimePoint used{};
    std::optional<TimePoint> until;  // idle: when it goes; none: it stays
  };

  const std::uint64_t budget_;
  std::map<std::string, Model, std::less<>> models_;
};

}  // namespace sluice::llama
