// The reference manual in Markdown; declared in schema.h.
#include <cctype>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "config/schema.h"
#include "config/shape.h"

namespace sluice::config {
namespace {

// For a cell of a table: a bar would end it, and outside of code what looks like a tag would
// vanish.
std::string cell(std::string_view text) {
  std::string out;
  bool code = false;
  for (const char c : text) {
    if (c == '`') code = !code;
    if (c == '|' || (c == '<' && !code)) out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

// How a heading is addressed within the page.
std::string anchor(std::string_view heading) {
  std::string out;
  for (const char c : heading) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_') {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (c == ' ') {
      out += '-';
    }
  }
  return out;
}

// A text as the file may have it.
std::string without_quotes(std::string text) {
  const bool is_text = text.size() > 2 && text.front() == '"';
  if (!is_text || text.find('\\') != std::string::npos) return text;
  return text.substr(1, text.size() - 2);
}

std::string with_limits(std::string text, const Limits& limits) {
  if (!limits.least.empty() && limits.least == limits.most) {
    return formatted("{}, {}", text, limits.least);
  }
  if (!limits.least.empty() && !limits.most.empty()) {
    return formatted("{}, {} to {}", text, limits.least, limits.most);
  }
  if (!limits.least.empty()) return formatted("{}, at least {}", text, limits.least);
  if (!limits.most.empty()) return formatted("{}, at most {}", text, limits.most);
  return text;
}

std::string with_entries(std::string text, const Constraints& c) {
  const bool bounded = c.max_items != std::numeric_limits<std::size_t>::max();
  return with_limits(std::move(text), {c.min_items > 0 ? std::to_string(c.min_items) : "",
                                       bounded ? std::to_string(c.max_items) : ""});
}

class ReferenceWriter {
 public:
  explicit ReferenceWriter(const StructInfo& root) : names_(root) {}

  std::string run(std::string_view title) && {
    out_ = formatted("# {}\n", title);
    for (const StructNames::Named& named : names_.all()) section(named);
    return std::move(out_);
  }

 private:
  void section(const StructNames::Named& named) {
    out_ += formatted("\n## {}\n", named.name);
    if (!named.info->sentence.empty()) out_ += named.info->sentence + "\n";
    const auto object = named.info->make();
    struct_body(*named.info, object.get());
  }

  void struct_body(const StructInfo& info, const void* object) {
    for (const UnionInfo& one : info.unions) {
      if (one.kind_key.empty()) keyed(one, object);
    }
    if (!info.fields.empty()) {
      out_ += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
      for (const FieldInfo& field : info.fields) row(field, object);
    }
    if (info.rest) out_ += formatted("\nOther keys: {}\n", info.rest_sentence);
    for (const UnionInfo& one : info.unions) {
      if (!one.kind_key.empty()) kinds(one, object);
    }
  }

  void keyed(const UnionInfo& one, const void* object) {
    const auto chosen = one.chosen(object);
    out_ += formatted("\n{} {}:\n\n| key | value | meaning |\n|---|---|---|\n", one.sentence,
                      chosen ? "At most one of" : "Exactly one of");
    for (const Alternative& alternative : one.alternatives) {
      out_ += formatted("| `{}` | {} | {} |\n", alternative.name, value(*alternative.type),
                        cell(alternative.sentence));
    }
  }

  void kinds(const UnionInfo& one, const void* object) {
    const auto chosen = one.chosen(object);
    out_ += formatted(
        "\n`{}`: {} {}\n", one.kind_key, one.sentence,
        chosen ? formatted("Default `{}`.", one.alternatives[*chosen].name) : "Required.");
    for (const Alternative& alternative : one.alternatives) {
      out_ += formatted("\n### {}: {}\n{}\n", one.kind_key, alternative.name, alternative.sentence);
      const StructInfo& inner = *alternative.type->as_struct();
      const auto inner_object = inner.make();
      struct_body(inner, inner_object.get());
    }
  }

  void row(const FieldInfo& field, const void* object) {
    std::string standard = field.default_note;
    if (standard.empty()) {
      const std::string text = without_quotes(default_of(field, object));
      standard = field.required ? "required" : text.empty() ? "" : formatted("`{}`", text);
    }
    std::string meaning = cell(field.sentence);
    for (const Choice& choice : field.type->leaf().constraints().choices) {
      if (!choice.sentence.empty()) {
        meaning += formatted("<br>`{}`: {}", choice.name, cell(choice.sentence));
      }
    }
    out_ += formatted("| `{}` | {} | {} | {} |\n", field.name, cell(value(*field.type)),
                      cell(standard), meaning);
  }

  std::string value(const Type& type) {
    switch (type.kind()) {
      case Kind::kBool:
        return "`true` or `false`";
      case Kind::kInteger:
        return with_limits("whole number", limits_of(type));
      case Kind::kNumber:
        return with_limits("number", limits_of(type));
      case Kind::kDuration:
        return with_limits("duration", limits_of(type));
      case Kind::kBytes:
        return with_limits("bytes", limits_of(type));
      case Kind::kPath:
        return "file path";
      case Kind::kSecret:
        return "secret text";
      case Kind::kText:
      case Kind::kChoice:
        return text(type.constraints());
      case Kind::kOptional:
        return value(*type.item());
      case Kind::kList:
        return with_entries("list of " + value(*type.item()), type.constraints());
      case Kind::kMap:
        return with_entries("map of names to " + value(*type.item()), type.constraints());
      case Kind::kStruct: {
        const std::string& name = names_.name(*type.as_struct());
        return formatted("[{}](#{})", name, anchor(name));
      }
      case Kind::kAny:
        break;
    }
    return "any";
  }

  static std::string text(const Constraints& c) {
    if (!c.choices.empty()) {
      std::vector<std::string> ticked;
      ticked.reserve(c.choices.size());
      for (const Choice& choice : c.choices) ticked.push_back(formatted("`{}`", choice.name));
      const std::vector<std::string_view> words(ticked.begin(), ticked.end());
      return any_of(words);
    }
    return c.grammar ? formatted("text: {}", c.grammar->sentence) : "text";
  }

  StructNames names_;
  std::string out_;
};

}  // namespace

std::string markdown_reference(const StructInfo& root, std::string_view title) {
  return ReferenceWriter(root).run(title);
}

}  // namespace sluice::config
