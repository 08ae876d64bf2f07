#include "config/schema.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "config/shape.h"

namespace sluice::config {
namespace {

class SchemaWriter {
 public:
  explicit SchemaWriter(const StructInfo& root) : names_(root) {}

  std::string run(const StructInfo& root, std::string_view title) && {
    json_.begin_map();
    json_.field("$schema", "https://json-schema.org/draft/2020-12/schema");
    json_.field("title", title);
    struct_body(root);
    json_.key("$defs");
    json_.begin_map();
    json_.key(kSubstitution);
    json_.begin_map();
    json_.field("description", "A value from the environment or a file.");
    json_.field("type", "string");
    json_.field("pattern", R"(\$\{[^}]+\})");
    json_.end_map();
    for (const StructNames::Named& named : names_.all()) {
      if (named.info->id == root.id) continue;
      json_.key(key_of(*named.info));
      json_.begin_map();
      struct_body(*named.info);
      json_.end_map();
    }
    json_.end_map();
    json_.end_map();
    return std::move(json_).take() + "\n";
  }

 private:
  static constexpr std::string_view kSubstitution = "substitution";

  void refer(std::string_view name) { json_.field("$ref", "#/$defs/" + std::string(name)); }

  // A name without what a URI would have to escape, and never that of the substitution.
  [[nodiscard]] std::string key_of(const StructInfo& info) const {
    std::string key = names_.name(info);
    std::ranges::replace(key, ' ', '_');
    return key == kSubstitution ? key + "_" : key;
  }

  // The keywords of a struct, inside a mapping that the caller opened.
  void struct_body(const StructInfo& info) {
    if (!info.sentence.empty()) json_.field("description", info.sentence);
    json_.field("type", "object");
    const auto object = info.make();
    json_.key("properties");
    json_.begin_map();
    properties(info, object.get());
    json_.end_map();
    required(info);
    unions(info, object.get());
    if (info.rest) return;
    // The fields of a chosen kind count as known only by this keyword.
    json_.key("unevaluatedProperties");
    json_.plain("false");
  }

  void properties(const StructInfo& info, const void* object) {
    for (const UnionInfo& one : info.unions) {
      if (!one.kind_key.empty()) {
        json_.key(one.kind_key);
        json_.begin_map();
        json_.field("description", one.sentence);
        if (const auto chosen = one.chosen(object)) {
          json_.field("default", one.alternatives[*chosen].name);
        }
        json_.end_map();
        continue;
      }
      for (const Alternative& alternative : one.alternatives) {
        json_.key(alternative.name);
        json_.begin_map();
        json_.field("description", alternative.sentence);
        type_body(*alternative.type, false);
        json_.end_map();
      }
    }
    for (const FieldInfo& field : info.fields) {
      json_.key(field.name);
      json_.begin_map();
      json_.field("description", field.sentence);
      type_body(*field.type, false);
      const std::string value = default_of(field, object);
      if (!value.empty() && field.default_note.empty()) {
        json_.key("default");
        json_.plain(value);
      }
      json_.end_map();
    }
  }

  void required(const StructInfo& info) {
    bool any = false;
    for (const FieldInfo& field : info.fields) any = any || field.required;
    if (!any) return;
    json_.key("required");
    json_.begin_list();
    for (const FieldInfo& field : info.fields) {
      if (field.required) json_.text(field.name);
    }
    json_.end_list();
  }

  void unions(const StructInfo& info, const void* object) {
    if (info.unions.empty()) return;
    json_.key("allOf");
    json_.begin_list();
    for (const UnionInfo& one : info.unions) {
      json_.begin_map();
      json_.key("oneOf");
      json_.begin_list();
      const auto chosen = one.chosen(object);
      one.kind_key.empty() ? keyed(one, chosen.has_value()) : kinds(one, chosen);
      json_.end_list();
      json_.end_map();
    }
    json_.end_list();
  }

  void require(std::string_view name) {
    json_.key("required");
    json_.begin_list();
    json_.text(name);
    json_.end_list();
  }

  void keyed(const UnionInfo& one, bool may_be_absent) {
    for (const Alternative& alternative : one.alternatives) {
      json_.begin_map();
      require(alternative.name);
      json_.end_map();
    }
    if (!may_be_absent) return;
    json_.begin_map();
    json_.key("not");
    json_.begin_map();
    json_.key("anyOf");
    json_.begin_list();
    keyed(one, false);
    json_.end_list();
    json_.end_map();
    json_.end_map();
  }

  void kinds(const UnionInfo& one, std::optional<std::size_t> chosen) {
    for (std::size_t i = 0; i < one.alternatives.size(); ++i) {
      const Alternative& alternative = one.alternatives[i];
      const StructInfo& inner = *alternative.type->as_struct();
      const auto object = inner.make();
      json_.begin_map();
      json_.field("description", alternative.sentence);
      json_.key("properties");
      json_.begin_map();
      json_.key(one.kind_key);
      json_.begin_map();
      json_.field("const", alternative.name);
      json_.end_map();
      properties(inner, object.get());
      json_.end_map();
      json_.key("required");
      json_.begin_list();
      if (chosen != i) json_.text(one.kind_key);
      for (const FieldInfo& field : inner.fields) {
        if (field.required) json_.text(field.name);
      }
      json_.end_list();
      unions(inner, object.get());
      json_.end_map();
    }
  }

  // The keywords of a type, inside a mapping that the caller opened. `null_too` where an empty
  // value stands for the default.
  void type_body(const Type& type, bool null_too) {
    switch (type.kind()) {
      case Kind::kAny:
        return;
      case Kind::kOptional:
        return type_body(*type.item(), true);
      case Kind::kStruct:
        return either(true, [&] {
          const StructInfo& info = *type.as_struct();
          info.id == names_.all().front().info->id ? json_.field("$ref", "#") : refer(key_of(info));
        });
      case Kind::kList:
        return either(true, [&] {
          json_.field("type", "array");
          json_.key("items");
          json_.begin_map();
          type_body(*type.item(), false);
          json_.end_map();
          counts(type, "minItems", "maxItems");
        });
      case Kind::kMap:
        return either(true, [&] {
          json_.field("type", "object");
          json_.key("additionalProperties");
          json_.begin_map();
          type_body(*type.item(), false);
          json_.end_map();
          if (type.constraints().grammar) {
            json_.key("propertyNames");
            json_.begin_map();
            json_.field("pattern", type.constraints().grammar->pattern);
            json_.end_map();
          }
          counts(type, "minProperties", "maxProperties");
        });
      default:
        return scalar(type, null_too);
    }
  }

  template <class Body>
  void either(bool null_too, Body body) {
    if (!null_too) return body();
    json_.key("anyOf");
    json_.begin_list();
    json_.begin_map();
    body();
    json_.end_map();
    json_.begin_map();
    json_.field("type", "null");
    json_.end_map();
    json_.end_list();
  }

  void scalar(const Type& type, bool null_too) {
    json_.key("anyOf");
    json_.begin_list();
    json_.begin_map();
    scalar_body(type);
    json_.end_map();
    if (type.kind() == Kind::kBytes) {
      json_.begin_map();
      json_.field("type", "integer");
      json_.key("minimum");
      json_.plain("0");
      json_.end_map();
    }
    if (type.kind() == Kind::kText || type.kind() == Kind::kPath || type.kind() == Kind::kSecret) {
      // YAML reads 8000 or true as something else; as a text it is what was written.
      json_.begin_map();
      json_.key("type");
      json_.begin_list();
      json_.text("number");
      json_.text("boolean");
      json_.end_list();
      json_.end_map();
    }
    json_.begin_map();
    refer(kSubstitution);
    json_.end_map();
    if (null_too) {
      json_.begin_map();
      json_.field("type", "null");
      json_.end_map();
    }
    json_.end_list();
  }

  void scalar_body(const Type& type) {
    const Constraints& c = type.constraints();
    switch (type.kind()) {
      case Kind::kBool:
        return json_.field("type", "boolean");
      case Kind::kInteger:
      case Kind::kNumber: {
        json_.field("type", type.kind() == Kind::kInteger ? "integer" : "number");
        const Limits limits = limits_of(type);
        bound("minimum", limits.least);
        return bound("maximum", limits.most);
      }
      case Kind::kDuration:
        json_.field("type", "string");
        return json_.field("pattern", R"(^(0|[0-9]+(\.[0-9]{1,9})?(ns|us|ms|s|m|h|d))$)");
      case Kind::kBytes:
        json_.field("type", "string");
        return json_.field("pattern", R"(^[0-9]+(\.[0-9]{1,9})?(B|KiB|MiB|GiB|TiB)?$)");
      default:
        break;
    }
    json_.field("type", "string");
    if (type.kind() == Kind::kSecret) {
      json_.key("writeOnly");
      json_.plain("true");
    }
    if (c.grammar) json_.field("pattern", c.grammar->pattern);
    if (c.min_items > 0) bound("minLength", "1");
    if (c.choices.empty()) return;
    json_.key("enum");
    json_.begin_list();
    for (const Choice& choice : c.choices) json_.text(choice.name);
    json_.end_list();
  }

  void bound(std::string_view keyword, const std::string& value) {
    if (value.empty()) return;
    json_.key(keyword);
    json_.plain(value);
  }

  void counts(const Type& type, std::string_view least, std::string_view most) {
    const Constraints& c = type.constraints();
    if (c.min_items > 0) bound(least, std::to_string(c.min_items));
    if (c.max_items != std::numeric_limits<std::size_t>::max()) {
      bound(most, std::to_string(c.max_items));
    }
  }

  StructNames names_;
  JsonWriter json_{true};
};

}  // namespace

std::string json_schema(const StructInfo& root, std::string_view title) {
  return SchemaWriter(root).run(root, title);
}

}  // namespace sluice::config
