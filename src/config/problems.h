// What is wrong with a configuration: every fault with its place, not only the first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace sluice::config {

struct Document;
class Node;

// Which node of which document. Keeps neither.
using NodeId = std::pair<const Document*, std::uint32_t>;

// Faults listed at most; those beyond are counted.
inline constexpr std::size_t kMaxProblems = 100;

// A place in a configuration. Line and column start at 1; 0 means the file as a whole.
struct Location {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  bool operator==(const Location&) const = default;
};

// `file:line:column`, as compilers write it and editors understand it.
std::string to_string(const Location& at);

struct Problem {
  Location at;
  std::string path;     // where in the tree, as in listeners[0].port; empty for the whole
  std::string message;  // what is wrong and what would be right

  bool operator==(const Problem&) const = default;
};

std::string to_string(const Problem& problem);

// Collects the faults of one reading and of whatever looks at it later. Owned by who reads; one
// thread.
//
// It knows as well which values did not read, since a struct is checked as a whole even then: what
// a check compares must have been read, or it would find fault with a default that nobody wrote.
//
//   if (p.were_read(at, {"quorum", "members"}) && o.quorum > o.members.size()) p.add(..)
class Problems {
 public:
  void add(const Node& node, std::string message);
  void add(Location at, std::string message);
  void add(Problem problem);

  [[nodiscard]] bool empty() const { return problems_.empty(); }
  // Whether further ones are only counted.
  [[nodiscard]] bool is_full() const { return problems_.size() >= kMaxProblems; }
  // How many were found, those beyond the bound included.
  [[nodiscard]] std::size_t count() const { return problems_.size() + left_out_; }
  [[nodiscard]] std::span<const Problem> list() const { return problems_; }

  // The value of `node` is not to be used, which has been said: of a mapping or list, that it is
  // none, or has too few entries; its entries count for themselves.
  void mark_unread(const Node& node);
  // `node` lacks a key that it must have.
  void mark_missing(const Node& node, std::string_view key);
  // Whether what stands in `node` under each of `keys` was read, or may be left out.
  [[nodiscard]] bool were_read(const Node& node,
                               std::initializer_list<std::string_view> keys) const;
  // Whether everything in `node` was, down to the last value.
  [[nodiscard]] bool was_read_whole(const Node& node) const;
  // How many values were not.
  [[nodiscard]] std::size_t unread() const { return unread_.size() + missing_.size(); }

  // One line for each, in the order of the file.
  [[nodiscard]] std::string to_string() const;
  // The whole list as one error of code invalid.
  [[nodiscard]] Error to_error() const;

 private:
  void mark_not_whole(const Node& node);

  std::vector<Problem> problems_;
  std::size_t left_out_ = 0;
  std::set<NodeId> unread_;
  std::set<std::pair<NodeId, std::string>> missing_;
  std::set<NodeId> not_whole_;  // where one of the above is in it
};

// The known name that was probably meant, if one is near enough to be worth suggesting.
std::optional<std::string_view> nearest(std::string_view name,
                                        std::span<const std::string_view> known);

// "a", "a or b", "a, b or c".
std::string any_of(std::span<const std::string_view> words);

}  // namespace sluice::config
