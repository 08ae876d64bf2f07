#include "config/problems.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/format.h"
#include "config/node.h"

namespace sluice::config {
namespace {

constexpr std::size_t kMaxComparedName = 64;

// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string to_string(const Location& at) {
  if (at.line == 0) return at.file;
  return formatted("{}:{}:{}", at.file, at.line, at.column);
}

std::string to_string(const Problem& problem) {
  std::string text = to_string(problem.at);
  if (!text.empty()) text += ": ";
  if (!problem.path.empty()) text += problem.path + ": ";
  return text + problem.message;
}

void Problems::add(const Node& node, std::string message) {
  add(Problem{node.location(), node.path(), std::move(message)});
}

void Problems::add(Location at, std::string message) {
  add(Problem{std::move(at), {}, std::move(message)});
}

void Problems::add(Problem problem) {
  if (is_full()) {
    ++left_out_;
    return;
  }
  problems_.push_back(std::move(problem));
}

void Problems::mark_unread(const Node& node) {
  unread_.insert(node.id());
  mark_not_whole(node);
}

void Problems::mark_missing(const Node& node, std::string_view key) {
  missing_.emplace(node.id(), key);
  mark_not_whole(node);
}

// What stands above one that is marked is marked already.
void Problems::mark_not_whole(const Node& node) {
  for (std::optional<Node> at = node; at && not_whole_.insert(at->id()).second;) at = at->parent();
}

bool Problems::were_read(const Node& node, std::initializer_list<std::string_view> keys) const {
  return std::ranges::all_of(keys, [&](std::string_view key) {
    const auto value = node.find(key);
    return value ? !unread_.contains(value->id())
                 : !missing_.contains(std::pair(node.id(), std::string(key)));
  });
}

bool Problems::was_read_whole(const Node& node) const {
  return !not_whole_.contains(node.id());
}

std::string Problems::to_string() const {
  std::vector<const Problem*> sorted;
  sorted.reserve(problems_.size());
  for (const Problem& problem : problems_) sorted.push_back(&problem);
  std::ranges::stable_sort(sorted, {},
                           [](const Problem* p) { return std::pair(p->at.line, p->at.column); });
  std::string text;
  for (const Problem* problem : sorted) {
    if (!text.empty()) text += '\n';
    text += config::to_string(*problem);
  }
  if (left_out_ > 0) text += formatted("\nand {} more", left_out_);
  return text;
}

Error Problems::to_error() const {
  return invalid(to_string());
}

std::optional<std::string_view> nearest(std::string_view name,
                                        std::span<const std::string_view> known) {
  if (name.empty() || name.size() > kMaxComparedName) return std::nullopt;
  const std::size_t enough = std::max<std::size_t>(1, name.size() / 3);
  std::optional<std::string_view> best;
  std::size_t best_distance = enough + 1;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string any_of(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace sluice::config
