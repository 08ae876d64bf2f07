#include "config/struct_info.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/format.h"

namespace sluice::config {
namespace {

// Reads one mapping, which may hold the fields of several structs: its own and those of the
// alternatives that its kind keys chose.
class StructReader {
 public:
  StructReader(const Node& node, Problems& problems) : node_(node), problems_(problems) {}

  bool read(const StructInfo& info, void* object) {
    bool ok = true;
    if (info.here) *info.here(object) = node_;
    if (info.rest) {
      *info.rest(object) = node_;
      takes_rest_ = true;
    }
    for (const FieldInfo& field : info.fields) ok = read_field(field, object) && ok;
    for (const UnionInfo& one : info.unions) {
      ok = (one.kind_key.empty() ? read_keyed(one, object) : read_kind(one, object)) && ok;
    }
    // One field that did not read hides nothing that is wrong with the others.
    if (info.validate) info.validate(object, problems_, node_);
    return ok;
  }

  // To be called once all is read. Such a key leaves the rest usable: it is no reason to skip what
  // checks the struct as a whole.
  void refuse_unknown() {
    if (takes_rest_ || kind_unknown_) return;
    for (std::size_t i = 0; i < node_.size(); ++i) {
      const Node entry = node_.at(i);
      if (std::ranges::contains(known_, entry.key())) continue;
      problems_.add(
          Problem{entry.key_location(), entry.path(), "this key is not known" + hint(entry.key())});
    }
  }

 private:
  static constexpr std::size_t kMaxListedKeys = 12;

  std::string hint(std::string_view key) {
    // A guess costs time, and nobody reads it beyond the bound.
    if (problems_.is_full()) return {};
    if (const auto meant = nearest(key, known_)) {
      return formatted("; probably {} is meant", *meant);
    }
    return known_.size() <= kMaxListedKeys ? "; known here: " + listed() : "";
  }

  std::string listed() {
    std::string text;
    for (const std::string_view name : known_) {
      if (!text.empty()) text += ", ";
      text += name;
    }
    return text.empty() ? "none" : text;
  }

  bool read_field(const FieldInfo& field, void* object) {
    known_.push_back(field.name);
    if (const auto value = node_.find(field.name)) {
      return field.type->read(*value, problems_, field.get(object));
    }
    if (!field.required) return true;
    problems_.add(node_, formatted("the key '{}' is missing: {}", field.name, field.sentence));
    problems_.mark_missing(node_, field.name);
    return false;
  }

  bool read_keyed(const UnionInfo& one, void* object) {
    for (const Alternative& alternative : one.alternatives) known_.push_back(alternative.name);
    bool ok = true;
    const Alternative* first = nullptr;
    for (std::size_t i = 0; i < node_.size(); ++i) {
      const Node entry = node_.at(i);
      const auto found = std::ranges::find(one.alternatives, entry.key(), &Alternative::name);
      if (found == one.alternatives.end()) continue;
      if (first == nullptr) {
        first = &*found;
        ok = first->type->read(entry, problems_, first->choose(object));
        continue;
      }
      problems_.add(
          Problem{entry.key_location(), entry.path(),
                  formatted("{} and {} exclude each other; keep one", first->name, found->name)});
      problems_.mark_unread(entry);
      ok = false;
    }
    if (first != nullptr || one.chosen(object)) return ok;
    problems_.add(node_, formatted("expected {} here: {}", names(one), one.sentence));
    problems_.mark_unread(node_);
    return false;
  }

  bool read_kind(const UnionInfo& one, void* object) {
    known_.push_back(one.kind_key);
    std::optional<std::size_t> choice = one.chosen(object);
    if (const auto kind = node_.find(one.kind_key)) {
      Constraints words;
      for (const Alternative& a : one.alternatives) words.choices.push_back({a.name, a.sentence});
      choice = read_choice(*kind, problems_, words);
      if (!choice) problems_.mark_unread(*kind);
    } else if (!choice) {
      problems_.add(node_, formatted("the key '{}' is missing ({}): {}", one.kind_key, names(one),
                                     one.sentence));
      problems_.mark_missing(node_, one.kind_key);
    }
    if (!choice) {
      // Which keys may stand beside it is not known then.
      kind_unknown_ = true;
      return false;
    }
    const Alternative& alternative = one.alternatives[*choice];
    return read(*alternative.type->as_struct(), alternative.choose(object));
  }

  static std::string names(const UnionInfo& one) {
    std::vector<std::string_view> words;
    words.reserve(one.alternatives.size());
    for (const Alternative& alternative : one.alternatives) words.push_back(alternative.name);
    return any_of(words);
  }

  const Node& node_;
  Problems& problems_;
  std::vector<std::string_view> known_;
  bool takes_rest_ = false;
  bool kind_unknown_ = false;
};

void write_fields(const StructInfo& info, const void* object, Writer& writer,
                  std::vector<std::string_view>& written) {
  for (const UnionInfo& one : info.unions) {
    const auto choice = one.chosen(object);
    if (!choice) continue;
    const Alternative& alternative = one.alternatives[*choice];
    if (one.kind_key.empty()) {
      written.push_back(alternative.name);
      writer.key(alternative.name);
      alternative.type->write(alternative.held(object), writer);
    } else {
      written.push_back(one.kind_key);
      writer.key(one.kind_key);
      writer.text(alternative.name);
      write_fields(*alternative.type->as_struct(), alternative.held(object), writer, written);
    }
  }
  for (const FieldInfo& field : info.fields) {
    written.push_back(field.name);
    // The getter only adds an offset.
    const void* member = field.get(const_cast<void*>(object));
    if (!field.type->is_set(member)) continue;
    writer.key(field.name);
    field.type->write(member, writer);
  }
  if (!info.rest) return;
  const Node rest = *info.rest(const_cast<void*>(object));
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (std::ranges::contains(written, rest.at(i).key())) continue;
    writer.key(rest.at(i).key());
    write_any(rest.at(i), writer);
  }
}

void collect(const StructInfo& info, std::unordered_set<std::string>& names) {
  const auto add = [&](const std::string& name) {
    if (name.empty() || !names.insert(name).second) {
      throw std::logic_error(
          formatted("the description of '{}' names '{}' twice or not at all", info.name, name));
    }
  };
  for (const FieldInfo& field : info.fields) add(field.name);
  for (const UnionInfo& one : info.unions) {
    if (one.kind_key.empty()) {
      for (const Alternative& alternative : one.alternatives) add(alternative.name);
      continue;
    }
    add(one.kind_key);
  }
  for (const UnionInfo& one : info.unions) {
    if (one.kind_key.empty()) continue;
    for (const Alternative& alternative : one.alternatives) {
      if (alternative.type->as_struct() == nullptr) {
        throw std::logic_error(formatted("'{}' of '{}' is no struct", alternative.name, info.name));
      }
      auto with_alternative = names;
      collect(*alternative.type->as_struct(), with_alternative);
    }
  }
}

}  // namespace

std::optional<std::size_t> UnionInfo::chosen(const void* object) const {
  for (std::size_t i = 0; i < alternatives.size(); ++i) {
    if (alternatives[i].held(object) != nullptr) return i;
  }
  return std::nullopt;
}

void StructInfo::verify() const {
  std::unordered_set<std::string> names;
  collect(*this, names);
}

bool read_struct(const StructInfo& info, const Node& node, Problems& problems, void* object) {
  if (!node.is_mapping() && !node.is_null()) {
    add_mismatch(node, formatted("a mapping{}{}", info.name.empty() ? "" : " for ", info.name),
                 problems);
    return false;
  }
  StructReader reader(node, problems);
  const bool ok = reader.read(info, object);
  reader.refuse_unknown();
  return ok;
}

void write_struct(const StructInfo& info, const void* object, Writer& writer) {
  std::vector<std::string_view> written;
  writer.begin_map();
  write_fields(info, object, writer, written);
  writer.end_map();
}

}  // namespace sluice::config
