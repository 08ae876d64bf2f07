// How much work each tenant got, so that the next slot goes to who got least.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::scheduling {

// Names a tenant of one TenantShares while it has a call there.
using TenantIndex = std::uint32_t;

// Counters of work in the manner of the virtual token counter (Sheng et al., "Fairness in Serving
// Large Language Models", OSDI 2024): a tenant is charged for what its calls cost, and one that
// comes after a pause is lifted to where the others stand, so that a pause earns no credit. The
// unit of work is the caller's (tokens). A value; one owner, one thread.
class TenantShares {
 public:
  // Tenants without a call that are remembered; beyond, those who got least are forgotten first.
  static constexpr std::size_t kMaxIdle = 1024;

  // A call of this tenant begins to wait; an empty name is a tenant as well.
  TenantIndex enter(std::string_view tenant);
  // It got a slot by its tenant's turn, or (false) for another reason.
  void start(TenantIndex tenant, double work, bool by_turn);
  // It waits no longer and got none.
  void give_up(TenantIndex tenant);
  // It is over: it cost `extra` more than it was charged for.
  void finish(TenantIndex tenant, double extra);

  [[nodiscard]] double counter(TenantIndex tenant) const { return entries_[tenant].counter; }
  [[nodiscard]] std::size_t waiting(TenantIndex tenant) const { return entries_[tenant].waiting; }
  [[nodiscard]] std::size_t waiting_of(std::string_view tenant) const;
  // How many tenants have a call that waits.
  [[nodiscard]] std::size_t tenants_waiting() const { return tenants_waiting_; }
  [[nodiscard]] std::size_t known() const { return index_.size(); }

 private:
  struct Entry {
    std::string name;
    double counter = 0;
    std::size_t waiting = 0;
    std::size_t running = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  void stop_waiting(Entry& entry);
  void forget_if_idle(TenantIndex tenant);
  void forget(TenantIndex tenant);
  void forget_the_least();

  std::vector<Entry> entries_;
  std::vector<TenantIndex> unused_;
  std::unordered_map<std::string, TenantIndex, Hash, std::equal_to<>> index_;
  std::size_t tenants_waiting_ = 0;
  std::size_t idle_ = 0;
  double floor_ = 0;  // where the tenant stood whose turn it was last
};

}  // namespace sluice::scheduling
