#include "config/node.h"

#include "base/format.h"

namespace sluice::config {
namespace {

// How much of a key or a value a message quotes.
constexpr std::size_t kMaxQuoted = 60;

std::string shortened(std::string_view text) {
  if (text.size() <= kMaxQuoted) return std::string(text);
  std::size_t end = kMaxQuoted;
  // Never inside a UTF-8 sequence.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace

std::string_view Node::text() const {
  return document_ ? record().text : std::string_view{};
}

bool Node::is_quoted() const {
  return document_ && record().quoted && !record().substituted;
}

std::string Node::describe_value() const {
  switch (kind()) {
    case NodeKind::kNull:
      return "nothing";
    case NodeKind::kSequence:
      return "a list";
    case NodeKind::kMapping:
      return "a mapping";
    case NodeKind::kScalar:
      break;
  }
  if (record().substituted) return formatted("the value of '{}'", shortened(record().written));
  if (record().quoted) return formatted("the text \"{}\"", shortened(record().text));
  return formatted("'{}'", shortened(record().text));
}

std::string_view Node::key() const {
  return document_ ? record().key : std::string_view{};
}

std::optional<Node> Node::find(std::string_view key) const {
  if (!is_mapping()) return std::nullopt;
  for (const std::uint32_t child : record().children) {
    if (document_->records[child].key == key) return Node(document_, child);
  }
  return std::nullopt;
}

Node Node::near(std::string_view key) const {
  return find(key).value_or(*this);
}

Location Node::location() const {
  if (!document_) return {};
  return {document_->file, record().line, record().column};
}

Location Node::key_location() const {
  if (!document_) return {};
  if (record().key_line == 0) return location();
  return {document_->file, record().key_line, record().key_column};
}

std::string Node::path() const {
  if (!document_) return {};
  std::vector<std::uint32_t> way;
  for (std::uint32_t i = index_; i != 0; i = document_->records[i].parent) way.push_back(i);
  std::string path;
  for (auto it = way.rbegin(); it != way.rend(); ++it) {
    const Document::Record& step = document_->records[*it];
    if (document_->records[step.parent].kind == NodeKind::kSequence) {
      path += formatted("[{}]", step.index);
    } else {
      if (!path.empty()) path += '.';
      path += shortened(step.key);
    }
  }
  return path;
}

std::filesystem::path Node::folder() const {
  return document_ ? document_->folder : std::filesystem::path{};
}

std::optional<Node> Node::parent() const {
  if (!document_ || index_ == 0) return std::nullopt;
  return Node(document_, record().parent);
}

}  // namespace sluice::config
