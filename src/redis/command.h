// A command for a Redis server, as it goes over the wire.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::redis {

// A value: the name and its arguments, encoded as they are added (an array of texts, RESP2). Can be
// sent as often as one likes.
//
//   Command("SET", key, value, "PX", 86'400'000).add("NX")
class Command {
 public:
  template <class... Arguments>
  explicit Command(std::string_view name, const Arguments&... arguments) {
    add(name);
    (add(arguments), ...);
  }

  Command& add(std::string_view argument);
  template <std::integral Number>
  Command& add(Number number) {
    return add_number(static_cast<std::int64_t>(number));
  }
  // Makes room for arguments of so many bytes in all, where it is known that they are large.
  Command& reserve(std::size_t bytes) {
    encoded_.reserve(encoded_.size() + bytes);
    return *this;
  }

  [[nodiscard]] std::size_t arguments() const { return count_; }  // the name counts
  // What write_to() appends, at most.
  [[nodiscard]] std::size_t bytes() const { return encoded_.size() + kMostHeadBytes; }
  void write_to(std::string& out) const;

 private:
  static constexpr std::size_t kMostHeadBytes = 24;  // "*18446744073709551615\r\n"
  Command& add_number(std::int64_t number);

  std::string encoded_;
  std::size_t count_ = 0;
};

}  // namespace sluice::redis
