// What a kind of value is, without its C++ type: how to read it, write it and describe it. The
// templates of types.h and fields.h are thin covers over this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"
#include "config/problems.h"
#include "config/writer.h"

namespace sluice::config {

enum class Kind : std::uint8_t {
  kBool,
  kInteger,
  kNumber,
  kText,
  kChoice,  // one of some words
  kDuration,
  kBytes,
  kPath,
  kSecret,
  kOptional,  // a value that may be absent
  kList,
  kMap,
  kStruct,
  kAny,  // a sub-tree that another part reads
};

struct Choice {
  std::string name;
  std::string sentence;
};

// What a text may look like. `pattern` is for the schema, `matches` decides.
struct Grammar {
  std::string_view pattern;   // an anchored ECMA 262 regular expression
  std::string_view sentence;  // completes "write .."
  bool (*matches)(std::string_view text);
};

// Names of things: letters, digits, `_`, `-`, `.`; begins with a letter or digit; 1 to 64 bytes.
Grammar name_grammar();

// What a description demands of a value beyond its kind. Bounds hold for whole numbers, bytes and
// durations (in nanoseconds) in `least` and `most`, for other numbers in the two beside them.
struct Constraints {
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  double least_number = -std::numeric_limits<double>::infinity();
  double most_number = std::numeric_limits<double>::infinity();
  std::vector<Choice> choices;     // of a text or a choice; empty for any
  std::optional<Grammar> grammar;  // of a text, or of the keys of a map
  std::size_t min_items = 0;       // of a list or map, or bytes of a text
  std::size_t max_items = std::numeric_limits<std::size_t>::max();
  // Each gives an empty text, or what was expected instead.
  std::vector<std::function<std::string(const void* value)>> checks;
};

struct StructInfo;

// One kind of value. Made by a description, owned by it, used on its thread. `value` points to an
// object of the C++ type that the description said.
class Type {
 public:
  explicit Type(Kind kind) : kind_(kind) {}
  virtual ~Type() = default;
  Type(const Type&) = delete;
  Type& operator=(const Type&) = delete;

  // Reads into `value`, then checks it. False when the value is not to be used; `problems` says
  // why, unless it did before, and knows the innermost value of which that is true.
  bool read(const Node& node, Problems& problems, void* value) const;
  virtual void write(const void* value, Writer& writer) const = 0;

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const Constraints& constraints() const { return constraints_; }
  [[nodiscard]] Constraints& constraints() { return constraints_; }
  // Whether there is anything to write: an optional that is not set has nothing.
  [[nodiscard]] virtual bool is_set(const void*) const { return true; }
  // Of a list, map or optional, the type of what is in it.
  [[nodiscard]] virtual Type* item() const { return nullptr; }
  // Of a struct, its fields.
  [[nodiscard]] virtual const StructInfo* as_struct() const { return nullptr; }
  // What is inside all lists, maps and optionals.
  [[nodiscard]] Type& leaf() { return item() != nullptr ? item()->leaf() : *this; }
  // Itself, or what an optional holds.
  [[nodiscard]] const Type& present() const {
    return kind_ == Kind::kOptional ? item()->present() : *this;
  }

 protected:
  virtual bool do_read(const Node& node, Problems& problems, void* value) const = 0;

 private:
  Kind kind_;
  Constraints constraints_;
};

using TypePtr = std::shared_ptr<Type>;

// "expected X, but 'abc' came", for the place of `node`; silent where a problem stands already.
void add_mismatch(const Node& node, std::string_view expected, Problems& problems);

// The readers of scalars. Empty when the problem was reported.
std::optional<bool> read_bool(const Node& node, Problems& problems);
std::optional<std::int64_t> read_integer(const Node& node, Problems& problems,
                                         const Constraints& bounds);
std::optional<double> read_number(const Node& node, Problems& problems, const Constraints& bounds);
std::optional<std::int64_t> read_duration(const Node& node, Problems& problems,
                                          const Constraints& bounds);
std::optional<std::int64_t> read_bytes(const Node& node, Problems& problems,
                                       const Constraints& bounds);
std::optional<std::string> read_text(const Node& node, Problems& problems,
                                     const Constraints& bounds);
// The position in the choices of `bounds`.
std::optional<std::size_t> read_choice(const Node& node, Problems& problems,
                                       const Constraints& bounds);
// Whether a list or map may have this many entries.
bool check_items(const Node& node, Problems& problems, const Constraints& bounds);
// Whether the key of `entry` may stand in a map.
bool check_key(const Node& entry, Problems& problems, const Constraints& bounds);

std::string format_number(double value);
void write_any(const Node& node, Writer& writer);

}  // namespace sluice::config
