// A struct of options without its C++ type: what fields.h collects, and what reading, writing,
// schema and reference work from.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/node.h"
#include "config/problems.h"
#include "config/type.h"
#include "config/writer.h"

namespace sluice::config {

struct FieldInfo {
  std::string name;
  std::string sentence;
  TypePtr type;
  bool required = false;
  std::string default_note;                // instead of the default's value, as in "the cores"
  std::function<void*(void* object)> get;  // the member
};

struct Alternative {
  std::string name;
  std::string sentence;
  TypePtr type;
  // Makes the object hold this alternative, unless it does, and gives it.
  std::function<void*(void* object)> choose;
  // The alternative in the object; null if the object holds another.
  std::function<const void*(const void* object)> held;
};

// One of several structs. Without `kind_key`, each alternative is a key of its own, of which
// exactly one may stand: {model: {..}}. With it, the value of that key says which alternative's
// fields stand beside it: {backend: onnx, ..}.
struct UnionInfo {
  std::string kind_key;
  std::string sentence;
  std::deque<Alternative> alternatives;

  // Which one the object holds; empty for none of those named.
  [[nodiscard]] std::optional<std::size_t> chosen(const void* object) const;
};

struct StructInfo {
  const void* id = nullptr;  // the same for the same C++ type
  std::string name;
  std::string sentence;
  std::deque<FieldInfo> fields;
  std::deque<UnionInfo> unions;
  std::function<Node*(void* object)> rest;  // takes the keys that are not known
  std::string rest_sentence;
  std::function<Node*(void* object)> here;  // takes the node of the struct itself
  // Called even where a field did not read.
  std::function<void(const void* object, Problems& problems, const Node& node)> validate;
  std::function<std::shared_ptr<void>()> make;  // one with all defaults

  // Throws std::logic_error where two fields have one name or a name is empty: a fault of the
  // description.
  void verify() const;
};

// False when something in the object did not read. A key that is not known, or what validate()
// finds, is a problem, yet leaves the rest readable.
bool read_struct(const StructInfo& info, const Node& node, Problems& problems, void* object);
void write_struct(const StructInfo& info, const void* object, Writer& writer);

}  // namespace sluice::config
