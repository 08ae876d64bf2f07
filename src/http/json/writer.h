// Writes JSON (RFC 8259) onto the end of a string: for answers that are hot and whose shape is
// known.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::json {

// Appends `text` quoted and escaped. What is not UTF-8 becomes U+FFFD, so that the output is always
// valid, also when it echoes what a caller sent.
void append_string(std::string& out, std::string_view text);
// The shortest text that reads back as the same number. JSON has no NaN and no infinity: they
// become null.
void append_number(std::string& out, double value);
void append_number(std::string& out, float value);
void append_integer(std::string& out, std::int64_t value);
void append_integer(std::string& out, std::uint64_t value);
bool is_utf8(std::string_view text);

// A value after the other; commas come by themselves. It does not check that what is opened is
// closed or that a key precedes a value: the shape is in the code that calls it. Owns nothing; the
// string must outlive it, and others may append to it in between if they write whole values.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out), start_(out.size()) {}

  Writer& begin_object() {
    comma();
    out_ += '{';
    return *this;
  }
  Writer& end_object() {
    out_ += '}';
    return *this;
  }
  Writer& begin_array() {
    comma();
    out_ += '[';
    return *this;
  }
  Writer& end_array() {
    out_ += ']';
    return *this;
  }
  Writer& key(std::string_view name) {
    comma();
    append_string(out_, name);
    out_ += ':';
    return *this;
  }

  Writer& value(std::string_view text) {
    comma();
    append_string(out_, text);
    return *this;
  }
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  template <std::floating_point T>
  Writer& value(T number) {
    comma();
    append_number(out_, number);
    return *this;
  }
  template <std::integral T>
  Writer& value(T number) {
    comma();
    if constexpr (std::same_as<T, bool>) {
      out_ += number ? "true" : "false";
    } else if constexpr (std::signed_integral<T>) {
      append_integer(out_, static_cast<std::int64_t>(number));
    } else {
      append_integer(out_, static_cast<std::uint64_t>(number));
    }
    return *this;
  }
  Writer& null() { return raw("null"); }
  // Text that is one JSON value already.
  Writer& raw(std::string_view json) {
    comma();
    out_ += json;
    return *this;
  }

  template <class T>
  Writer& field(std::string_view name, const T& v) {
    key(name);
    return value(v);
  }

  std::string& out() { return out_; }

 private:
  // No value ends in one of these, so the text itself says whether something stands before.
  void comma() {
    if (out_.size() == start_) return;
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':' && last != ',') out_ += ',';
  }

  std::string& out_;
  std::size_t start_;
};

}  // namespace sluice::json
