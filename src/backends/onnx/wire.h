// Reading and writing protobuf's wire format, as far as a look into a model file needs it.
// Source: protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::onnx {

struct WireField {
  std::uint32_t number = 0;
  bool has_bytes = false;    // else a number
  std::uint64_t value = 0;   // of a number; of fixed ones the raw bits
  std::string_view bytes;    // of a string or message
  std::string_view encoded;  // the field as it stands, tag included
};

// The fields of one message, in their order. Refers to the text it is given.
class WireReader {
 public:
  enum class End : std::uint8_t { kNone, kComplete, kCutShort, kMalformed };

  explicit WireReader(std::string_view message) : rest_(message) {}
  // None at the end, whichever it was.
  std::optional<WireField> next();
  [[nodiscard]] End end() const { return end_; }

 private:
  std::optional<std::uint64_t> varint();
  std::optional<WireField> stop(End why);

  std::string_view rest_;
  End end_ = End::kNone;
};

void append_varint(std::string& to, std::uint64_t value);
void append_number(std::string& to, std::uint32_t field, std::uint64_t value);
void append_bytes(std::string& to, std::uint32_t field, std::string_view bytes);

}  // namespace sluice::onnx
