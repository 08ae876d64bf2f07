#include "config/shape.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "base/format.h"
#include "base/time.h"
#include "config/units.h"

namespace sluice::config {
namespace {

std::string as_json(const Type& type, const void* value) {
  JsonWriter writer(false);
  type.write(value, writer);
  return std::move(writer).take();
}

std::string whole(Kind kind, std::int64_t value) {
  switch (kind) {
    case Kind::kDuration:
      return format_duration(Duration(value));
    case Kind::kBytes:
      return format_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)));
    default:
      return std::to_string(value);
  }
}

std::string below(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

// 2^31 - 1 and larger bounds come from the C++ type, and say nothing to a reader.
bool is_natural_bound(std::int64_t value) {
  return value == std::numeric_limits<std::int64_t>::max() ||
         value == std::numeric_limits<std::int64_t>::min() ||
         value == std::numeric_limits<std::int32_t>::max() ||
         value == std::numeric_limits<std::int32_t>::min() ||
         value == std::numeric_limits<std::uint32_t>::max();
}

}  // namespace

StructNames::StructNames(const StructInfo& root) {
  add(root, {});
}

const std::string& StructNames::name(const StructInfo& info) const {
  const auto found = std::ranges::find(all_, info.id, [](const Named& n) { return n.info->id; });
  if (found == all_.end()) throw std::logic_error("a struct that was not met");
  return found->name;
}

void StructNames::add(const StructInfo& info, const std::string& path) {
  if (std::ranges::contains(all_, info.id, [](const Named& n) { return n.info->id; })) return;
  const std::string fallback = path.empty() ? std::string("configuration") : path;
  const std::string base = info.name.empty() ? fallback : info.name;
  std::string name = base;
  for (int i = 2; std::ranges::contains(all_, name, &Named::name); ++i) {
    name = formatted("{} {}", base, i);
  }
  all_.push_back({&info, std::move(name)});
  add_members(info, path);
}

void StructNames::add_members(const StructInfo& info, const std::string& path) {
  for (const UnionInfo& one : info.unions) {
    for (const Alternative& alternative : one.alternatives) {
      const StructInfo* inner = alternative.type->as_struct();
      if (!one.kind_key.empty() && inner != nullptr) {
        add_members(*inner, path);
      } else {
        add_type(*alternative.type, below(path, alternative.name));
      }
    }
  }
  for (const FieldInfo& field : info.fields) add_type(*field.type, below(path, field.name));
}

void StructNames::add_type(const Type& type, const std::string& path) {
  if (type.item() != nullptr) return add_type(*type.item(), path);
  if (type.as_struct() != nullptr) add(*type.as_struct(), path);
}

Limits limits_of(const Type& type) {
  const Constraints& c = type.constraints();
  switch (type.kind()) {
    case Kind::kInteger:
    case Kind::kBytes:
    case Kind::kDuration: {
      Limits limits;
      // Nothing measured in bytes or time is negative, that needs no words.
      const bool tells_least =
          type.kind() == Kind::kInteger ? !is_natural_bound(c.least) : c.least > 0;
      if (tells_least) limits.least = whole(type.kind(), c.least);
      if (!is_natural_bound(c.most)) limits.most = whole(type.kind(), c.most);
      return limits;
    }
    case Kind::kNumber:
      return {std::isfinite(c.least_number) ? format_number(c.least_number) : "",
              std::isfinite(c.most_number) ? format_number(c.most_number) : ""};
    default:
      return {};
  }
}

std::string default_of(const FieldInfo& field, const void* object) {
  if (field.required) return {};
  const void* member = field.get(const_cast<void*>(object));
  if (!field.type->is_set(member)) return {};
  const Type& type = field.type->present();
  if (type.kind() == Kind::kAny) return {};
  std::string text = as_json(*field.type, member);
  if (type.kind() == Kind::kStruct) {
    // The struct's own table says its defaults; only another start is worth a word.
    const auto fresh = type.as_struct()->make();
    if (text == as_json(type, fresh.get())) return {};
  }
  const bool says_nothing = text == "\"\"" || text == "[]" || text == "{}";
  return says_nothing && type.kind() != Kind::kList && type.kind() != Kind::kMap ? "" : text;
}

}  // namespace sluice::config
