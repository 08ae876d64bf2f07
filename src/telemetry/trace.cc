#include "telemetry/trace.h"

#include <algorithm>
#include <array>
#include <vector>

namespace sluice::telemetry {

namespace {

constexpr std::size_t kTraceparentBytes = 55;
constexpr std::size_t kLongMemberBytes = 128;
constexpr std::uint64_t kSampledFlag = 0x01;
constexpr std::uint64_t kRandomFlag = 0x02;

// Up to 16 lower-case hexadecimal digits. Capitals are not in the grammar.
std::optional<std::uint64_t> read_hex(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a') + 10;
    } else {
      return std::nullopt;
    }
    value = (value << 4) | digit;
  }
  return value;
}

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_state_key(std::string_view key) {
  if (key.empty() || key.size() > 256 || !is_lower_or_digit(key.front())) return false;
  return std::ranges::all_of(
      key, [](char c) { return is_lower_or_digit(c) || std::string_view("_-*/@").contains(c); });
}

// Blanks around the member are cut off already, so the last character is none.
bool is_state_value(std::string_view value) {
  if (value.empty() || value.size() > 256) return false;
  return std::ranges::all_of(value,
                             [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string join(const std::vector<std::string_view>& members) {
  std::string joined;
  for (const auto member : members) {
    if (!joined.empty()) joined += ',';
    joined += member;
  }
  return joined;
}

// Drops whole members until the rest fits.
std::string join_within_bound(std::vector<std::string_view> members) {
  std::size_t bytes = members.empty() ? 0 : members.size() - 1;
  for (const auto member : members) bytes += member.size();
  for (std::size_t i = members.size(); i > 0 && bytes > kMaxTracestateBytes; --i) {
    if (members[i - 1].size() <= kLongMemberBytes) continue;
    bytes -= members[i - 1].size() + 1;
    members.erase(members.begin() + static_cast<std::ptrdiff_t>(i - 1));
  }
  while (bytes > kMaxTracestateBytes && !members.empty()) {
    bytes -= members.back().size() + 1;
    members.pop_back();
  }
  return join(members);
}

}  // namespace

FixedText<32> TraceId::hex() const {
  FixedText<32> text;
  write_hex(text.chars.data(), high);
  write_hex(text.chars.data() + 16, low);
  return text;
}

TraceId TraceId::make(Random& random) {
  TraceId id;
  while (!id.valid()) id = {random.next(), random.next()};
  return id;
}

FixedText<16> SpanId::hex() const {
  FixedText<16> text;
  write_hex(text.chars.data(), value);
  return text;
}

SpanId SpanId::make(Random& random) {
  SpanId id;
  while (!id.valid()) id = {random.next()};
  return id;
}

TraceContext TraceContext::child(Random& random_source) const {
  TraceContext next = *this;
  next.span = SpanId::make(random_source);
  return next;
}

TraceContext TraceContext::root(Random& random_source, bool sampled) {
  return {TraceId::make(random_source), SpanId::make(random_source), sampled, true};
}

std::optional<TraceContext> parse_traceparent(std::string_view header) {
  if (header.size() < kTraceparentBytes || header[2] != '-' || header[35] != '-' ||
      header[52] != '-') {
    return std::nullopt;
  }
  const auto version = read_hex(header.substr(0, 2));
  const auto high = read_hex(header.substr(3, 16));
  const auto low = read_hex(header.substr(19, 16));
  const auto span = read_hex(header.substr(36, 16));
  const auto flags = read_hex(header.substr(53, 2));
  if (!version || !high || !low || !span || !flags || *version == 0xFF) return std::nullopt;
  // A later version may have more behind what is known, set off by a dash.
  if (header.size() > kTraceparentBytes && (*version == 0 || header[kTraceparentBytes] != '-')) {
    return std::nullopt;
  }
  TraceContext context{
      {*high, *low}, {*span}, (*flags & kSampledFlag) != 0, (*flags & kRandomFlag) != 0};
  if (!context.trace.valid() || !context.span.valid()) return std::nullopt;
  return context;
}

std::optional<std::string> parse_tracestate(std::string_view header) {
  std::vector<std::string_view> members;
  std::vector<std::string_view> keys;
  while (!header.empty()) {
    const auto comma = header.find(',');
    const auto member = trim(header.substr(0, comma));
    header.remove_prefix(comma == std::string_view::npos ? header.size() : comma + 1);
    if (member.empty()) continue;
    const auto equals = member.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto key = member.substr(0, equals);
    if (!is_state_key(key) || !is_state_value(member.substr(equals + 1))) return std::nullopt;
    if (std::ranges::contains(keys, key) || keys.size() == kMaxTracestateMembers) {
      return std::nullopt;
    }
    keys.push_back(key);
    members.push_back(member);
  }
  return join_within_bound(std::move(members));
}

TraceContext continue_trace(std::string_view traceparent, std::string_view tracestate,
                            Random& random) {
  if (traceparent.empty()) return TraceContext::root(random);
  auto caller = parse_traceparent(traceparent);
  if (!caller) return TraceContext::root(random);
  if (!tracestate.empty()) caller->state = parse_tracestate(tracestate).value_or("");
  caller->span = SpanId::make(random);
  return *std::move(caller);
}

FixedText<55> format_traceparent(const TraceContext& context) {
  FixedText<55> text;
  char* at = text.chars.data();
  at[0] = '0';
  at[1] = '0';
  at[2] = '-';
  write_hex(at + 3, context.trace.high);
  write_hex(at + 19, context.trace.low);
  at[35] = '-';
  write_hex(at + 36, context.span.value);
  at[52] = '-';
  at[53] = '0';
  at[54] = kHexDigits[(context.sampled ? kSampledFlag : 0) | (context.random ? kRandomFlag : 0)];
  return text;
}

std::string accept_traceparent(std::string_view given, Random& random) {
  if (parse_traceparent(given)) return std::string(given);
  return std::string(format_traceparent(TraceContext::root(random)).view());
}

}  // namespace sluice::telemetry
