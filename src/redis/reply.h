// What a Redis server answers, as a plain value (RESP2, redis.io: "Redis serialization protocol").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::redis {

// A tree: nil, an integer, a text or an array of replies. The reader builds each text in its place
// once; from there on replies are moved. Asking a reply for what it is not gives nothing (0, an
// empty text, no items, a nil reply), so the shape of an answer can be checked once, where it is
// read.
class Reply {
 public:
  enum class Kind : std::uint8_t {
    kNil,      // "$-1" or "*-1"
    kInteger,  // ":7"
    kStatus,   // "+OK"
    kText,     // "$5 hello": any bytes
    kError,    // "-ERR ..."; at the top of a reply a connection makes a Failure of it
    kArray,
  };

  Reply() = default;  // nil
  explicit Reply(std::int64_t value) : kind_(Kind::kInteger), value_(value) {}
  // kStatus, kText or kError.
  Reply(Kind kind, std::string text) : kind_(kind), value_(std::move(text)) {}
  explicit Reply(std::vector<Reply> items) : kind_(Kind::kArray), value_(std::move(items)) {}

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_nil() const { return kind_ == Kind::kNil; }
  [[nodiscard]] bool is_error() const { return kind_ == Kind::kError; }
  [[nodiscard]] bool is_array() const { return kind_ == Kind::kArray; }
  // kText or kStatus.
  [[nodiscard]] bool is_text() const { return kind_ == Kind::kText || kind_ == Kind::kStatus; }

  [[nodiscard]] std::int64_t integer() const {
    const auto* value = std::get_if<std::int64_t>(&value_);
    return value == nullptr ? 0 : *value;
  }
  // An integer, or a text that is one in decimal: scripts and hashes give numbers as text.
  [[nodiscard]] std::optional<std::int64_t> number() const;
  [[nodiscard]] std::string_view text() const {
    const auto* value = std::get_if<std::string>(&value_);
    return value == nullptr ? std::string_view() : std::string_view(*value);
  }
  // The text itself; the reply keeps an empty one.
  [[nodiscard]] std::string take_text() {
    auto* value = std::get_if<std::string>(&value_);
    return value == nullptr ? std::string() : std::exchange(*value, {});
  }

  [[nodiscard]] std::span<const Reply> items() const {
    const auto* value = std::get_if<std::vector<Reply>>(&value_);
    return value == nullptr ? std::span<const Reply>() : std::span<const Reply>(*value);
  }
  [[nodiscard]] std::span<Reply> items() {
    auto* value = std::get_if<std::vector<Reply>>(&value_);
    return value == nullptr ? std::span<Reply>() : std::span<Reply>(*value);
  }
  [[nodiscard]] std::size_t size() const { return items().size(); }
  // Nil where there is no such item.
  [[nodiscard]] const Reply& operator[](std::size_t index) const;

  // Appends to an array; a reply of another kind becomes an empty array first.
  Reply& append(Reply item);

  bool operator==(const Reply&) const = default;

 private:
  Kind kind_ = Kind::kNil;
  std::variant<std::monostate, std::int64_t, std::string, std::vector<Reply>> value_;
};

// "nil", "an integer", ...: for messages.
std::string_view to_string(Reply::Kind kind);

}  // namespace sluice::redis
