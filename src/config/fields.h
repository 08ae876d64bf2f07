// How a struct names its options, once: Fields<T>. See config.h for an example.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "config/struct_info.h"
#include "config/types.h"

namespace sluice::config {

// What may be demanded of one field. A demand on a list, map or optional holds for what is inside,
// unless it says otherwise. Lives only inside describe().
template <class Member>
class Field {
  using Leaf = LeafOf<Member>;
  static constexpr bool kOrdered = (std::integral<Leaf> && !std::same_as<Leaf, bool>) ||
                                   std::floating_point<Leaf> || std::same_as<Leaf, Duration>;
  static constexpr bool kTextual = std::same_as<Leaf, std::string> || std::same_as<Leaf, Secret> ||
                                   std::same_as<Leaf, std::filesystem::path>;

 public:
  explicit Field(FieldInfo& info) : info_(info) {}

  // The file must say it.
  Field& required() {
    info_.required = true;
    return *this;
  }
  // Bounds of a number, duration or number of bytes, both included.
  Field& range(Leaf least, Leaf most)
    requires kOrdered
  {
    return at_least(least).at_most(most);
  }
  Field& at_least(Leaf least)
    requires kOrdered
  {
    Constraints& c = leaf();
    if constexpr (std::floating_point<Leaf>) {
      c.least_number = static_cast<double>(least);
    } else {
      c.least = count(least);
    }
    return *this;
  }
  Field& at_most(Leaf most)
    requires kOrdered
  {
    Constraints& c = leaf();
    if constexpr (std::floating_point<Leaf>) {
      c.most_number = static_cast<double>(most);
    } else {
      c.most = count(most);
    }
    return *this;
  }
  // The texts that are allowed, each with one sentence where it helps.
  Field& one_of(std::initializer_list<Choice> choices)
    requires kTextual
  {
    leaf().choices = choices;
    return *this;
  }
  Field& matches(Grammar grammar)
    requires kTextual
  {
    leaf().grammar = grammar;
    return *this;
  }
  // Of a text: not empty.
  Field& not_empty()
    requires kTextual
  {
    leaf().min_items = 1;
    return *this;
  }
  // Of a list or map itself: how many entries.
  Field& entries(std::size_t least, std::size_t most) {
    Constraints& c = container();
    c.min_items = least;
    c.max_items = most;
    return *this;
  }
  // Of a map: what its names may be.
  Field& keys(Grammar grammar) {
    container().grammar = grammar;
    return *this;
  }
  // Anything else: gives an empty text, or what was expected ("an absolute URL").
  Field& check(std::function<std::string(const Leaf& value)> check) {
    leaf().checks.push_back([check = std::move(check)](const void* value) {
      return check(*static_cast<const Leaf*>(value));
    });
    return *this;
  }
  // What schema and reference say instead of the default's value: "the cores".
  Field& default_is(std::string note) {
    info_.default_note = std::move(note);
    return *this;
  }

 private:
  static std::int64_t count(Leaf value) {
    if constexpr (std::same_as<Leaf, Duration>) {
      return value.count();
    } else if constexpr (std::integral<Leaf>) {
      return std::in_range<std::int64_t>(value) ? static_cast<std::int64_t>(value)
                                                : std::numeric_limits<std::int64_t>::max();
    }
  }
  Constraints& leaf() { return info_.type->leaf().constraints(); }
  Constraints& container() {
    Type* type = info_.type.get();
    while (type->kind() == Kind::kOptional) type = type->item();
    return type->constraints();
  }

  FieldInfo& info_;
};

// The alternatives of a std::variant member. Lives only inside describe().
template <class T, class... Members>
class Alternatives {
 public:
  using Variant = std::variant<Members...>;

  Alternatives(UnionInfo& info, Variant T::* member) : info_(info), member_(member) {}

  // `Member` is one type of the variant, described itself. A type of the variant without a name
  // here (std::monostate) can stand for none as the default.
  template <class Member>
  Alternatives& alternative(std::string name, std::string sentence) {
    static_assert((std::same_as<Member, Members> + ...) == 1, "not one type of the variant");
    info_.alternatives.push_back({.name = std::move(name),
                                  .sentence = std::move(sentence),
                                  .type = type_of<Member>(),
                                  .choose = [member = member_](void* object) -> void* {
                                    Variant& variant = static_cast<T*>(object)->*member;
                                    if (!std::holds_alternative<Member>(variant))
                                      variant.template emplace<Member>();
                                    return std::get_if<Member>(&variant);
                                  },
                                  .held = [member = member_](const void* object) -> const void* {
                                    return std::get_if<Member>(
                                        &(static_cast<const T*>(object)->*member));
                                  }});
    return *this;
  }

 private:
  UnionInfo& info_;
  Variant T::* member_;
};

// Collects what describe() says of T. Made by the library.
template <class T>
class Fields {
 public:
  // The words for the struct as a whole: a short name, for schema and headings, and one sentence.
  Fields& about(std::string name, std::string sentence) {
    info_.name = std::move(name);
    info_.sentence = std::move(sentence);
    return *this;
  }

  // A field: its key, its member, one sentence that says what it does and its unit. The kind comes
  // from the member's type, the default from its initialiser.
  template <class Member>
  Field<Member> field(std::string name, Member T::* member, std::string sentence) {
    return add<Member>(std::move(name), member, std::move(sentence), type_of<Member>());
  }
  // A number of bytes in an integer member: 4096, 8KiB, 10MiB.
  template <class Member>
  Field<Member> bytes(std::string name, Member T::* member, std::string sentence) {
    return add<Member>(std::move(name), member, std::move(sentence),
                       detail::Parts<Member>::bytes());
  }

  // A variant whose alternatives are keys of this mapping, of which exactly one stands. If the
  // default of the variant is one of the alternatives, none may stand as well.
  template <class... Members>
  Alternatives<T, Members...> exactly_one(std::variant<Members...> T::* member,
                                          std::string sentence) {
    return add_union(std::string(), member, std::move(sentence));
  }
  // A variant whose alternative is named by the value of `key`, and has its fields in this same
  // mapping. If the default of the variant is one of the alternatives, the key may be absent.
  template <class... Members>
  Alternatives<T, Members...> kind(std::string key, std::variant<Members...> T::* member,
                                   std::string sentence) {
    return add_union(std::move(key), member, std::move(sentence));
  }

  // All of this mapping, for another part to read later; keys that are not described are no error
  // then.
  Fields& rest(Node T::* member, std::string sentence) {
    info_.rest = [member](void* object) { return &(static_cast<T*>(object)->*member); };
    info_.rest_sentence = std::move(sentence);
    return *this;
  }
  // Where the struct stands in the file, to report problems that are found after reading. Null if
  // the file does not mention it.
  Fields& here(Node T::* member) {
    info_.here = [member](void* object) { return &(static_cast<T*>(object)->*member); };
    return *this;
  }

  [[nodiscard]] StructInfo take() && { return std::move(info_); }

 private:
  template <class Member>
  Field<Member> add(std::string name, Member T::* member, std::string sentence, TypePtr type) {
    info_.fields.push_back(
        {.name = std::move(name),
         .sentence = std::move(sentence),
         .type = std::move(type),
         .required = false,
         .default_note = {},
         .get = [member](void* object) -> void* { return &(static_cast<T*>(object)->*member); }});
    return Field<Member>(info_.fields.back());
  }

  template <class... Members>
  Alternatives<T, Members...> add_union(std::string key, std::variant<Members...> T::* member,
                                        std::string sentence) {
    info_.unions.push_back(
        {.kind_key = std::move(key), .sentence = std::move(sentence), .alternatives = {}});
    return Alternatives<T, Members...>(info_.unions.back(), member);
  }

  StructInfo info_;
};

namespace detail {

template <class T>
class StructType final : public Type {
 public:
  StructType() : Type(Kind::kStruct) {}
  void write(const void* value, Writer& writer) const override {
    write_struct(*as_struct(), value, writer);
  }
  // Described when first asked for, so that a struct may hold itself in a list or map.
  [[nodiscard]] const StructInfo* as_struct() const override {
    if (!info_) {
      Fields<T> fields;
      describe(fields);
      StructInfo info = std::move(fields).take();
      info.id = &kId;
      info.make = [] { return std::make_shared<T>(); };
      if constexpr (requires(const T& value, Problems& problems, const Node& node) {
                      validate(value, problems, node);
                    }) {
        info.validate = [](const void* value, Problems& problems, const Node& node) {
          validate(*static_cast<const T*>(value), problems, node);
        };
      }
      info.verify();
      info_ = std::make_unique<StructInfo>(std::move(info));
    }
    return info_.get();
  }

 protected:
  bool do_read(const Node& node, Problems& problems, void* value) const override {
    return read_struct(*as_struct(), node, problems, value);
  }

 private:
  static constexpr char kId = 0;
  mutable std::unique_ptr<StructInfo> info_;
};

template <class T>
TypePtr struct_type() {
  return std::make_shared<StructType<T>>();
}

}  // namespace detail
}  // namespace sluice::config
