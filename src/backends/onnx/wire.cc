#include "backends/onnx/wire.h"

namespace sluice::onnx {

namespace {
constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kLengthDelimited = 2;
constexpr std::uint32_t kFixed32 = 5;
constexpr std::uint64_t kMaxFieldNumber = (1U << 29) - 1;
constexpr int kMaxVarintBytes = 10;

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return value;
}
}  // namespace

std::optional<WireField> WireReader::stop(End why) {
  end_ = why;
  rest_ = {};
  return std::nullopt;
}

std::optional<std::uint64_t> WireReader::varint() {
  std::uint64_t value = 0;
  for (int i = 0; i < kMaxVarintBytes; ++i) {
    if (rest_.empty()) {
      stop(End::kCutShort);
      return std::nullopt;
    }
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return value;
  }
  stop(End::kMalformed);
  return std::nullopt;
}

std::optional<WireField> WireReader::next() {
  if (end_ != End::kNone) return std::nullopt;
  if (rest_.empty()) return stop(End::kComplete);
  const std::string_view before = rest_;
  const auto tag = varint();
  if (!tag) return std::nullopt;
  const std::uint64_t number = *tag >> 3;
  if (number == 0 || number > kMaxFieldNumber) return stop(End::kMalformed);
  WireField field{.number = static_cast<std::uint32_t>(number)};
  std::uint64_t length = 0;
  switch (*tag & 7) {
    case kVarint: {
      const auto value = varint();
      if (!value) return std::nullopt;
      field.value = *value;
      break;
    }
    case kFixed64:
      length = 8;
      break;
    case kFixed32:
      length = 4;
      break;
    case kLengthDelimited: {
      const auto size = varint();
      if (!size) return std::nullopt;
      length = *size;
      field.has_bytes = true;
      break;
    }
    default:
      return stop(End::kMalformed);
  }
  if (length > rest_.size()) return stop(End::kCutShort);
  field.bytes = rest_.substr(0, length);
  rest_.remove_prefix(length);
  if (!field.has_bytes && length > 0) field.value = little_endian(field.bytes);
  field.encoded = before.substr(0, before.size() - rest_.size());
  return field;
}

void append_varint(std::string& to, std::uint64_t value) {
  while (value >= 0x80) {
    to += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  to += static_cast<char>(value);
}

void append_number(std::string& to, std::uint32_t field, std::uint64_t value) {
  append_varint(to, std::uint64_t{field} << 3 | kVarint);
  append_varint(to, value);
}

void append_bytes(std::string& to, std::uint32_t field, std::string_view bytes) {
  append_varint(to, std::uint64_t{field} << 3 | kLengthDelimited);
  append_varint(to, bytes.size());
  to += bytes;
}

}  // namespace sluice::onnx
