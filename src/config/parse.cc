#include "config/parse.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/format.h"

namespace sluice::config {
namespace {

// Thrown out of the library's parser when nothing sensible can follow.
struct Stop {};
// Thrown at the start of a second document.
struct AnotherDocument {};

class Builder final : public YAML::EventHandler {
 public:
  Builder(Document& document, const Surroundings& surroundings, Problems& problems)
      : document_(document), surroundings_(surroundings), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    if (wants_key()) return odd_key(mark);
    open(mark, NodeKind::kNull);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    problem(mark, "aliases (*name) are not understood; write the value out");
    if (wants_key()) return odd_key(mark);
    document_.records[open(mark, NodeKind::kNull)].broken = true;
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    const bool tagged = refuse_tag(mark, tag);
    if (wants_key()) return take_key(mark, value);
    Document::Record& record = document_.records[open(mark, NodeKind::kScalar)];
    record.quoted = tag == "!";
    auto text = substitute(value, surroundings_, document_.folder);
    if (!text) {
      problem(record, text.error().message);
      record.broken = true;
      return;
    }
    bytes_ += text->text.size();
    if (bytes_ > kMaxDocumentBytes) {
      problem(record, formatted("all values together are longer than {} bytes after substitution",
                                kMaxDocumentBytes));
      throw Stop{};
    }
    record.broken = tagged;
    record.substituted = text->changed;
    if (text->changed) record.written = value;
    record.text = std::move(text->text);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, NodeKind::kSequence);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, NodeKind::kMapping);
  }
  void OnMapEnd() override { end(); }

  // Which of two values under one key is meant is not known.
  void mark_duplicates(const std::shared_ptr<const Document>& document) {
    for (const std::uint32_t index : duplicates_) {
      const Node second(document, index);
      if (const auto first = second.parent()->find(second.key())) problems_.mark_unread(*first);
    }
  }

  void problem(const YAML::Mark& mark, std::string message) {
    problems_.add(Location{document_.file, static_cast<std::uint32_t>(mark.line + 1),
                           static_cast<std::uint32_t>(mark.column + 1)},
                  std::move(message));
  }

 private:
  struct Level {
    std::uint32_t record;
    bool has_key = false;
    bool key_is_duplicate = false;
    std::string key{};
    YAML::Mark key_mark{};
    std::unordered_set<std::string> keys{};
  };

  void problem(const Document::Record& record, std::string message) {
    problems_.add(Location{document_.file, record.line, record.column}, std::move(message));
  }

  [[nodiscard]] bool wants_key() const {
    return !levels_.empty() &&
           document_.records[levels_.back().record].kind == NodeKind::kMapping &&
           !levels_.back().has_key;
  }

  void take_key(const YAML::Mark& mark, const std::string& key) {
    Level& level = levels_.back();
    if (key.empty() || key.size() > kMaxKeyBytes) {
      problem(mark, formatted("a key has 1 to {} bytes", kMaxKeyBytes));
      throw Stop{};
    }
    level.has_key = true;
    level.key = key;
    level.key_mark = mark;
    level.key_is_duplicate = !level.keys.insert(key).second;
    if (level.key_is_duplicate) {
      problem(mark, formatted("the key '{}' stands here a second time; keep one", key));
    }
  }

  [[noreturn]] void odd_key(const YAML::Mark& mark) {
    problem(mark, "a key must be a plain text");
    throw Stop{};
  }

  std::uint32_t open(const YAML::Mark& mark, NodeKind kind) {
    const auto index = static_cast<std::uint32_t>(document_.records.size());
    if (index >= kMaxNodes) {
      problem(mark, formatted("the file has more than {} values", kMaxNodes));
      throw Stop{};
    }
    Document::Record record;
    record.kind = kind;
    record.line = static_cast<std::uint32_t>(mark.line + 1);
    record.column = static_cast<std::uint32_t>(mark.column + 1);
    if (!levels_.empty()) {
      Level& level = levels_.back();
      Document::Record& parent = document_.records[level.record];
      record.parent = level.record;
      if (parent.kind == NodeKind::kMapping) {
        record.key = std::move(level.key);
        record.key_line = static_cast<std::uint32_t>(level.key_mark.line + 1);
        record.key_column = static_cast<std::uint32_t>(level.key_mark.column + 1);
        level.has_key = false;
        // The library puts what is absent behind it, maybe lines later.
        if (kind == NodeKind::kNull) {
          record.line = record.key_line;
          record.column = record.key_column;
        }
      }
      record.index = static_cast<std::uint32_t>(parent.children.size());
      // The second of two keys is read for its own faults, but hangs nowhere.
      if (level.key_is_duplicate) {
        duplicates_.push_back(index);
      } else {
        parent.children.push_back(index);
      }
      level.key_is_duplicate = false;
    }
    document_.records.push_back(std::move(record));
    return index;
  }

  void start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, NodeKind kind) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (wants_key()) odd_key(mark);
    if (levels_.size() >= static_cast<std::size_t>(kMaxDepth)) {
      problem(mark, formatted("the file is nested deeper than {} levels", kMaxDepth));
      throw Stop{};
    }
    levels_.push_back({.record = open(mark, kind)});
  }

  void end() { levels_.pop_back(); }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) {
      problem(mark, "anchors (&name) are not understood; write the value where it is needed");
    }
  }

  bool refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return false;
    problem(mark, "tags (!name) are not understood; the type is known from the key");
    return true;
  }

  Document& document_;
  const Surroundings& surroundings_;
  Problems& problems_;
  std::vector<Level> levels_;
  std::vector<std::uint32_t> duplicates_;
  std::size_t bytes_ = 0;
};

// Reports a document after the first, unread.
class SecondDocument final : public YAML::EventHandler {
 public:
  explicit SecondDocument(Builder& first) : first_(first) {}
  void OnDocumentStart(const YAML::Mark& mark) override {
    first_.problem(mark, "a second document starts here; a configuration is one document");
    throw AnotherDocument{};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  Builder& first_;
};

}  // namespace

std::optional<Node> parse(std::string_view text, const std::filesystem::path& file,
                          const Surroundings& surroundings, Problems& problems) {
  auto document = std::make_shared<Document>();
  document->file = file.string();
  document->folder = file.parent_path();
  if (text.size() > kMaxFileBytes) {
    problems.add(Location{document->file},
                 formatted("the file is longer than {} bytes", kMaxFileBytes));
    return std::nullopt;
  }
  if (const auto odd = first_not_text(text)) {
    const std::string_view before = text.substr(0, *odd);
    const auto line = static_cast<std::uint32_t>(std::ranges::count(before, '\n') + 1);
    const auto column = static_cast<std::uint32_t>(*odd - (before.rfind('\n') + 1) + 1);
    problems.add(Location{document->file, line, column}, "the file is not UTF-8 text");
    return std::nullopt;
  }
  Builder builder(*document, surroundings, problems);
  try {
    // The library takes a quote that is never closed for closed if the text ends in a line end; the
    // end of the document, said outright, is an error inside quotes.
    std::istringstream in(std::string(text) + (text.ends_with('\n') ? "...\n" : "\n...\n"));
    YAML::Parser parser(in);
    parser.HandleNextDocument(builder);
    if (document->records.empty() || document->records[0].kind == NodeKind::kNull) {
      document->records.clear();
      document->records.push_back({.kind = NodeKind::kMapping, .line = 1, .column = 1});
    }
    SecondDocument second(builder);
    parser.HandleNextDocument(second);
  } catch (const AnotherDocument&) {  // NOLINT(bugprone-empty-catch)
    // The first one is whole: its own faults are worth saying.
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::Exception& e) {
    builder.problem(e.mark, formatted("the YAML is not well formed: {}", e.msg));
    return std::nullopt;
  }
  builder.mark_duplicates(document);
  return Node(std::move(document), 0);
}

std::optional<Node> parse_file(const std::filesystem::path& file, const Surroundings& surroundings,
                               Problems& problems) {
  auto text = surroundings.file(file, kMaxFileBytes);
  if (!text) {
    problems.add(Location{file.string()}, "cannot read the file: " + text.error().message);
    return std::nullopt;
  }
  return parse(*text, file, surroundings, problems);
}

}  // namespace sluice::config
