// Named things in the order in which the file names them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::config {

// A small map that keeps its order. Look-up is linear: for configuration, not for the request path.
// Names are unique as long as entries come by insert_or_get.
template <class T>
class OrderedMap {
 public:
  using Entry = std::pair<std::string, T>;

  OrderedMap() = default;
  OrderedMap(std::initializer_list<Entry> entries) : entries_(entries) {}

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  void clear() { entries_.clear(); }

  [[nodiscard]] const T* find(std::string_view name) const {
    const auto it = std::ranges::find(entries_, name, &Entry::first);
    return it == entries_.end() ? nullptr : &it->second;
  }
  [[nodiscard]] T* find(std::string_view name) {
    const auto it = std::ranges::find(entries_, name, &Entry::first);
    return it == entries_.end() ? nullptr : &it->second;
  }
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }
  // The value of `name`, made at the end if it is new.
  T& insert_or_get(std::string_view name) {
    if (T* known = find(name)) return *known;
    return append(name);
  }
  // For who knows that the name is new.
  T& append(std::string_view name) { return entries_.emplace_back(std::string(name), T{}).second; }

  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() const { return entries_.end(); }
  [[nodiscard]] auto begin() { return entries_.begin(); }
  [[nodiscard]] auto end() { return entries_.end(); }

  bool operator==(const OrderedMap&) const = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace sluice::config
