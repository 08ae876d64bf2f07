#include "gateway/nesting.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/format.h"

namespace sluice::gateway {

namespace {

class Walk {
 public:
  explicit Walk(const std::vector<EnsembleSpec>& ensembles) {
    for (const EnsembleSpec& ensemble : ensembles) nodes_[ensemble.name].spec = &ensemble;
    for (const EnsembleSpec& ensemble : ensembles) visit(nodes_[ensemble.name]);
  }
  std::vector<NestingFault> take() && { return std::move(faults_); }

 private:
  // Of ensembles on top of one another, itself included; none for one that stands on a circle or on
  // a tower that is too high already: that is said once, where it begins.
  using Levels = std::optional<std::size_t>;
  struct Node {
    const EnsembleSpec* spec = nullptr;
    bool entered = false;
    bool left = false;
    Levels levels;
  };

  Levels visit(Node& node) {
    if (node.left) return node.levels;
    node.entered = true;
    Levels levels = 1;
    const EnsembleSpec::Member* highest = nullptr;
    for (const EnsembleSpec::Member& member : node.spec->members) {
      const auto target = nodes_.find(member.target);
      if (target == nodes_.end()) continue;
      const Levels below = step(node, member, target->second);
      if (!below) {
        levels.reset();
      } else if (levels && *below + 1 > *levels) {
        levels = *below + 1;
        highest = &member;
      }
    }
    node.left = true;
    if (levels && *levels > kMaxCallDepth) {
      faults_.push_back({node.spec->name, highest->name,
                         formatted("'{}' stands on {} ensembles, one on the other; {} at most",
                                   node.spec->name, *levels - 1, kMaxCallDepth - 1)});
      levels.reset();
    }
    return node.levels = levels;
  }

  Levels step(const Node& from, const EnsembleSpec::Member& member, Node& target) {
    if (!target.entered || target.left) return visit(target);
    const std::string& whole = target.spec->name;
    faults_.push_back(
        {from.spec->name, member.name,
         formatted("ensemble '{}' contains itself{}", whole,
                   &from == &target ? "" : formatted(" by way of '{}'", from.spec->name))});
    return std::nullopt;
  }

  std::unordered_map<std::string_view, Node> nodes_;
  std::vector<NestingFault> faults_;
};

}  // namespace

std::vector<NestingFault> nesting_faults(const std::vector<EnsembleSpec>& ensembles) {
  return Walk(ensembles).take();
}

}  // namespace sluice::gateway
