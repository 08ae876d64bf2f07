// The kinds of values for C++ types: type_of<T>() and its parts. Included by fields.h; who declares
// options need not look here.
#pragma once

#include <concepts>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/time.h"
#include "config/ordered_map.h"
#include "config/secret.h"
#include "config/type.h"
#include "config/units.h"

namespace sluice::config {

template <class T>
class Fields;
template <class E>
class Choices;

// A struct that names its fields: `void describe(config::Fields<T>&)` beside it.
template <class T>
concept Described = requires(Fields<T>& fields) { describe(fields); };
// An enum that names its values: `void describe(config::Choices<E>&)` beside it.
template <class E>
concept DescribedEnum = std::is_enum_v<E> && requires(Choices<E>& choices) { describe(choices); };

template <class T>
TypePtr type_of();

// How an enum names its values. Every value needs a name.
template <class E>
class Choices {
 public:
  Choices& choice(std::string name, E value, std::string sentence = {}) {
    named_.push_back({std::move(name), std::move(sentence)});
    values_.push_back(value);
    return *this;
  }
  [[nodiscard]] const std::vector<Choice>& named() const { return named_; }
  [[nodiscard]] const std::vector<E>& values() const { return values_; }

 private:
  std::vector<Choice> named_;
  std::vector<E> values_;
};

namespace detail {

// Hands what a reader found to the object, if it found something.
template <class T, class Found>
bool take(std::optional<Found> found, void* value) {
  if (!found) return false;
  *static_cast<T*>(value) = static_cast<T>(std::move(*found));
  return true;
}

class BoolType final : public Type {
 public:
  BoolType() : Type(Kind::kBool) {}
  void write(const void* value, Writer& writer) const override {
    writer.plain(*static_cast<const bool*>(value) ? "true" : "false");
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    return take<bool>(read_bool(node, problems), value);
  }
};

template <std::integral T>
class WholeType final : public Type {
 public:
  explicit WholeType(Kind kind) : Type(kind) {
    constraints().least = 0;
    if constexpr (std::is_signed_v<T>) {
      if (kind == Kind::kInteger) constraints().least = std::numeric_limits<T>::min();
    }
    if constexpr (std::in_range<std::int64_t>(std::numeric_limits<T>::max())) {
      constraints().most = static_cast<std::int64_t>(std::numeric_limits<T>::max());
    }
  }
  void write(const void* value, Writer& writer) const override {
    const T number = *static_cast<const T*>(value);
    if (kind() == Kind::kBytes) {
      writer.quantity(format_bytes(static_cast<std::uint64_t>(number)));
    } else {
      writer.plain(std::to_string(number));
    }
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    return take<T>(kind() == Kind::kBytes ? read_bytes(node, problems, constraints())
                                          : read_integer(node, problems, constraints()),
                   value);
  }
};

template <std::floating_point T>
class NumberType final : public Type {
 public:
  NumberType() : Type(Kind::kNumber) {}
  void write(const void* value, Writer& writer) const override {
    writer.plain(format_number(static_cast<double>(*static_cast<const T*>(value))));
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    return take<T>(read_number(node, problems, constraints()), value);
  }
};

class DurationType final : public Type {
 public:
  DurationType() : Type(Kind::kDuration) { constraints().least = 0; }
  void write(const void* value, Writer& writer) const override {
    writer.quantity(format_duration(*static_cast<const Duration*>(value)));
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    return take<Duration>(read_duration(node, problems, constraints()), value);
  }
};

// std::string, std::filesystem::path, Secret.
template <class T>
class TextType final : public Type {
 public:
  explicit TextType(Kind kind) : Type(kind) {}
  void write(const void* value, Writer& writer) const override {
    const T& text = *static_cast<const T*>(value);
    if constexpr (std::same_as<T, Secret>) {
      text.empty() ? writer.text("") : writer.hidden();
    } else if constexpr (std::same_as<T, std::filesystem::path>) {
      writer.text(text.string());
    } else {
      writer.text(text);
    }
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    auto text = read_text(node, problems, constraints());
    if constexpr (std::same_as<T, std::filesystem::path>) {
      if (text && !text->empty()) {
        *static_cast<T*>(value) = (node.folder() / *text).lexically_normal();
        return true;
      }
    }
    return take<T>(std::move(text), value);
  }
};

template <class E>
class EnumType final : public Type {
 public:
  EnumType() : Type(Kind::kChoice) {
    Choices<E> choices;
    describe(choices);
    constraints().choices = choices.named();
    values_ = choices.values();
  }
  void write(const void* value, Writer& writer) const override {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (values_[i] == *static_cast<const E*>(value)) {
        return writer.text(constraints().choices[i].name);
      }
    }
    writer.null();
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    const auto position = read_choice(node, problems, constraints());
    if (position) *static_cast<E*>(value) = values_[*position];
    return position.has_value();
  }

 private:
  std::vector<E> values_;
};

class NodeType final : public Type {
 public:
  NodeType() : Type(Kind::kAny) {}
  void write(const void* value, Writer& writer) const override {
    write_any(*static_cast<const Node*>(value), writer);
  }
  [[nodiscard]] bool is_set(const void* value) const override {
    return !static_cast<const Node*>(value)->is_null();
  }

 protected:
  bool do_read(const Node& node, Problems&, void* value) const override {
    *static_cast<Node*>(value) = node;
    return !node.is_broken();
  }
};

class Holder : public Type {
 public:
  Holder(Kind kind, TypePtr inner) : Type(kind), inner_(std::move(inner)) {}
  [[nodiscard]] Type* item() const override { return inner_.get(); }

 private:
  TypePtr inner_;
};

template <class T>
class OptionalType final : public Holder {
 public:
  explicit OptionalType(TypePtr inner) : Holder(Kind::kOptional, std::move(inner)) {}
  void write(const void* value, Writer& writer) const override {
    const auto& held = *static_cast<const std::optional<T>*>(value);
    held ? item()->write(&*held, writer) : writer.null();
  }
  [[nodiscard]] bool is_set(const void* value) const override {
    const auto& held = *static_cast<const std::optional<T>*>(value);
    return held.has_value() && item()->is_set(&*held);
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    auto& held = *static_cast<std::optional<T>*>(value);
    if (node.is_null()) {
      held.reset();
      return !node.is_broken();
    }
    if (!held) held.emplace();
    return item()->read(node, problems, &*held);
  }
};

template <class T>
class ListType final : public Holder {
 public:
  explicit ListType(TypePtr inner) : Holder(Kind::kList, std::move(inner)) {}
  void write(const void* value, Writer& writer) const override {
    writer.begin_list();
    for (const T& one : *static_cast<const std::vector<T>*>(value)) item()->write(&one, writer);
    writer.end_list();
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    if (!node.is_sequence() && !node.is_null()) {
      add_mismatch(node, "a list", problems);
      return false;
    }
    auto& list = *static_cast<std::vector<T>*>(value);
    list.clear();
    bool ok = check_items(node, problems, constraints());
    for (std::size_t i = 0; i < node.size(); ++i) {
      ok = item()->read(node.at(i), problems, &list.emplace_back()) && ok;
    }
    return ok;
  }
};

template <class T>
class MapType final : public Holder {
 public:
  explicit MapType(TypePtr inner) : Holder(Kind::kMap, std::move(inner)) {}
  void write(const void* value, Writer& writer) const override {
    writer.begin_map();
    for (const auto& [name, one] : *static_cast<const OrderedMap<T>*>(value)) {
      writer.key(name);
      item()->write(&one, writer);
    }
    writer.end_map();
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    if (!node.is_mapping() && !node.is_null()) {
      add_mismatch(node, "a mapping of names to values", problems);
      return false;
    }
    auto& map = *static_cast<OrderedMap<T>*>(value);
    map.clear();
    bool ok = check_items(node, problems, constraints());
    for (std::size_t i = 0; i < node.size(); ++i) {
      const Node entry = node.at(i);
      ok = check_key(entry, problems, constraints()) && ok;
      ok = item()->read(entry, problems, &map.append(entry.key())) && ok;
    }
    return ok;
  }
};

template <class T>
TypePtr struct_type();  // fields.h

// How a member's C++ type is taken apart.
template <class T>
struct Parts {
  using Leaf = T;
  static TypePtr type() {
    if constexpr (std::same_as<T, bool>) {
      return std::make_shared<BoolType>();
    } else if constexpr (std::integral<T>) {
      return std::make_shared<WholeType<T>>(Kind::kInteger);
    } else if constexpr (std::floating_point<T>) {
      return std::make_shared<NumberType<T>>();
    } else if constexpr (std::same_as<T, Duration>) {
      return std::make_shared<DurationType>();
    } else if constexpr (std::same_as<T, std::string>) {
      return std::make_shared<TextType<T>>(Kind::kText);
    } else if constexpr (std::same_as<T, std::filesystem::path>) {
      return std::make_shared<TextType<T>>(Kind::kPath);
    } else if constexpr (std::same_as<T, Secret>) {
      return std::make_shared<TextType<T>>(Kind::kSecret);
    } else if constexpr (std::same_as<T, Node>) {
      return std::make_shared<NodeType>();
    } else if constexpr (std::is_enum_v<T>) {
      static_assert(DescribedEnum<T>, "declare describe(config::Choices<T>&) beside the enum");
      return std::make_shared<EnumType<T>>();
    } else {
      static_assert(Described<T>,
                    "not a kind of option: declare describe(config::Fields<T>&) beside the struct; "
                    "times are sluice::Duration");
      return struct_type<T>();
    }
  }
  static TypePtr bytes() {
    static_assert(std::integral<T> && !std::same_as<T, bool>, "bytes are counted in an integer");
    return std::make_shared<WholeType<T>>(Kind::kBytes);
  }
};

template <class T>
struct Parts<std::optional<T>> {
  using Leaf = typename Parts<T>::Leaf;
  static TypePtr type() { return std::make_shared<OptionalType<T>>(Parts<T>::type()); }
  static TypePtr bytes() { return std::make_shared<OptionalType<T>>(Parts<T>::bytes()); }
};

template <class T>
struct Parts<std::vector<T>> {
  static_assert(!std::same_as<T, bool>, "std::vector<bool> has no elements to read into");
  using Leaf = typename Parts<T>::Leaf;
  static TypePtr type() { return std::make_shared<ListType<T>>(Parts<T>::type()); }
  static TypePtr bytes() { return std::make_shared<ListType<T>>(Parts<T>::bytes()); }
};

template <class T>
struct Parts<OrderedMap<T>> {
  using Leaf = typename Parts<T>::Leaf;
  static TypePtr type() { return std::make_shared<MapType<T>>(Parts<T>::type()); }
  static TypePtr bytes() { return std::make_shared<MapType<T>>(Parts<T>::bytes()); }
};

}  // namespace detail

template <class T>
TypePtr type_of() {
  return detail::Parts<T>::type();
}

// The scalar or struct inside optionals, lists and maps.
template <class T>
using LeafOf = typename detail::Parts<T>::Leaf;

}  // namespace sluice::config
