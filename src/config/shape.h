// Helpers that schema and reference share.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "config/struct_info.h"

namespace sluice::config {

// The structs below one, each C++ type once, with a name of its own.
class StructNames {
 public:
  explicit StructNames(const StructInfo& root);

  struct Named {
    const StructInfo* info;
    std::string name;
  };
  // In the order in which they are met, the root first.
  [[nodiscard]] const std::vector<Named>& all() const { return all_; }
  [[nodiscard]] const std::string& name(const StructInfo& info) const;

 private:
  // `path` names a struct that has no name of its own. A struct whose fields stand in another's
  // mapping gets no name.
  void add(const StructInfo& info, const std::string& path);
  void add_members(const StructInfo& info, const std::string& path);
  void add_type(const Type& type, const std::string& path);

  std::vector<Named> all_;
};

// The bounds of a number as the file writes them; empty where there is none worth saying.
struct Limits {
  std::string least;
  std::string most;
};
Limits limits_of(const Type& type);

// The default of a field as JSON on one line; empty where there is none to tell.
std::string default_of(const FieldInfo& field, const void* object);

}  // namespace sluice::config
