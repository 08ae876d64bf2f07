// The tree that a configuration file is before it becomes typed structs: plain types, no YAML
// library, every node with its place in the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"

namespace sluice::config {

enum class NodeKind : std::uint8_t { kNull, kScalar, kSequence, kMapping };

// A file as read: its nodes in the order of the text, node 0 the root. Made by parse(), immutable
// after.
struct Document {
  struct Record {
    NodeKind kind = NodeKind::kNull;
    bool quoted = false;       // written in quotes or as a block: a text, whatever it looks like
    bool substituted = false;  // came from ${..}: `text` may be a secret, `written` is not
    bool broken = false;       // a problem was reported already: reading it stays silent
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t parent = 0;
    std::uint32_t index = 0;  // the position in a sequence
    std::uint32_t key_line = 0;
    std::uint32_t key_column = 0;
    std::string key;      // in a mapping
    std::string text;     // of a scalar, after substitution
    std::string written;  // of a substituted scalar, as the file has it
    std::vector<std::uint32_t> children;
  };
  std::string file;
  std::filesystem::path folder;  // where relative paths start
  std::vector<Record> records;
};

// A handle to one node; cheap to copy, keeps its document alive, so a struct can save a sub-tree
// that another folder reads later. A default-made Node is null and stands nowhere. Any thread may
// read it.
class Node {
 public:
  Node() = default;
  Node(std::shared_ptr<const Document> document, std::uint32_t index)
      : document_(std::move(document)), index_(index) {}

  [[nodiscard]] NodeKind kind() const { return document_ ? record().kind : NodeKind::kNull; }
  [[nodiscard]] bool is_null() const { return kind() == NodeKind::kNull; }
  [[nodiscard]] bool is_scalar() const { return kind() == NodeKind::kScalar; }
  [[nodiscard]] bool is_sequence() const { return kind() == NodeKind::kSequence; }
  [[nodiscard]] bool is_mapping() const { return kind() == NodeKind::kMapping; }

  // The text of a scalar after substitution; it may hold a secret. Empty for other kinds.
  [[nodiscard]] std::string_view text() const;
  // A scalar to be taken as text only, since it was written in quotes. What stands in quotes
  // because of a ${..} in it may be a number as well.
  [[nodiscard]] bool is_quoted() const;
  // A scalar with something from outside in it.
  [[nodiscard]] bool is_substituted() const { return document_ && record().substituted; }
  [[nodiscard]] bool is_broken() const { return document_ && record().broken; }
  // What stands here, in words that fit after "came": "the text 'abc'", "a list". A substituted
  // value appears as the file wrote it.
  [[nodiscard]] std::string describe_value() const;

  [[nodiscard]] std::size_t size() const { return document_ ? record().children.size() : 0; }
  // The i-th item or entry, i < size().
  [[nodiscard]] Node at(std::size_t i) const { return {document_, record().children[i]}; }
  // The key under which this node stands in its mapping, else empty.
  [[nodiscard]] std::string_view key() const;
  [[nodiscard]] std::optional<Node> find(std::string_view key) const;
  // The place to report a problem of `key`: its value where it is written, else this node.
  [[nodiscard]] Node near(std::string_view key) const;

  [[nodiscard]] Location location() const;
  [[nodiscard]] Location key_location() const;
  // From the root, as in listeners[0].mounts[2].api.
  [[nodiscard]] std::string path() const;
  // Where relative file paths start.
  [[nodiscard]] std::filesystem::path folder() const;

  // The mapping or list in which this node stands; none for the root.
  [[nodiscard]] std::optional<Node> parent() const;
  [[nodiscard]] NodeId id() const { return {document_.get(), index_}; }

 private:
  [[nodiscard]] const Document::Record& record() const { return document_->records[index_]; }

  std::shared_ptr<const Document> document_;
  std::uint32_t index_ = 0;
};

}  // namespace sluice::config
