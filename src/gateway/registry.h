// Which callables there are, by name and version. An immutable snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "inference/callable.h"

namespace sluice::gateway {

enum class VersionState : std::uint8_t { kLoading, kReady, kUnavailable };
std::string_view to_string(VersionState state);  // "LOADING", "READY", "UNAVAILABLE"

struct Version {
  std::string version;
  VersionState state = VersionState::kReady;
  std::string reason;    // why it is not ready
  CallablePtr callable;  // null unless ready
};

// A name and its versions, in ascending order.
struct Entry {
  std::string name;
  CallableKind kind = CallableKind::kModel;
  std::vector<Version> versions;

  // The highest version that is ready; null when none is.
  [[nodiscard]] const Version* latest() const;
  [[nodiscard]] const Version* find(std::string_view version) const;
};

class Registry {
 public:
  explicit Registry(std::vector<Entry> entries = {});

  // kNotFound for an unknown name or version, kUnavailable with the reason for one that is not
  // ready. An empty version means the latest. The pointer lives as long as the registry.
  [[nodiscard]] Result<const CallablePtr*> find(std::string_view name,
                                                std::string_view version = {}) const;
  [[nodiscard]] const Entry* entry(std::string_view name) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }  // by configuration

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
};

using RegistryPtr = std::shared_ptr<const Registry>;

}  // namespace sluice::gateway
