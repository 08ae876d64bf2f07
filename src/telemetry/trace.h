// W3C Trace Context: which trace a request belongs to, and who asked. Written after the
// recommendation of level 1 (www.w3.org/TR/trace-context-1) with the `random` flag and the wider
// key grammar of level 2. Pure values; ids come from the Random that is passed in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "telemetry/hex_text.h"

namespace sluice::telemetry {

// More of a tracestate is not kept: whole members over 128 characters go first, then those at the
// end (section 3.3.1.5). At most 32 members (3.3.1.1).
inline constexpr std::size_t kMaxTracestateBytes = 512;
inline constexpr std::size_t kMaxTracestateMembers = 32;

// 128 bits, never all zero where valid.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  [[nodiscard]] bool valid() const { return high != 0 || low != 0; }
  [[nodiscard]] FixedText<32> hex() const;
  static TraceId make(Random& random);
  bool operator==(const TraceId&) const = default;
};

// 64 bits, never zero where valid.
struct SpanId {
  std::uint64_t value = 0;
  [[nodiscard]] bool valid() const { return value != 0; }
  [[nodiscard]] FixedText<16> hex() const;
  static SpanId make(Random& random);
  bool operator==(const SpanId&) const = default;
};

// A span as it is told to others. A value that travels with the call.
struct TraceContext {
  TraceId trace;
  SpanId span;           // of the one who tells: ours on the way out, the caller's on the way in
  bool sampled = false;  // the caller recorded it
  bool random = false;   // the low 56 bits of the trace id are random
  std::string state{};   // tracestate as it is passed on, empty for none

  // The span of a call that this one makes: same trace and state, a new span id.
  [[nodiscard]] TraceContext child(Random& random) const;
  // A new trace.
  static TraceContext root(Random& random, bool sampled = false);

  bool operator==(const TraceContext&) const = default;
};

// Reads a `traceparent`. Nothing where it does not follow the grammar to the letter, has an all
// zero id or the version ff. Of a version above 00 the known part is read.
std::optional<TraceContext> parse_traceparent(std::string_view header);

// Reads a `tracestate`; several headers are to be joined by commas first. Gives it as it is to be
// passed on: without blanks and empty members, cut to the bounds. Nothing where it breaks the
// grammar, which means that it is to be dropped, and not the traceparent with it.
std::optional<std::string> parse_tracestate(std::string_view header);

// The span of a request that came in: in the caller's trace where traceparent is well-formed, else
// a new one.
TraceContext continue_trace(std::string_view traceparent, std::string_view tracestate,
                            Random& random);

// The header's value, of version 00.
FixedText<55> format_traceparent(const TraceContext& context);

// The caller's traceparent where it is well-formed, else that of a new trace.
std::string accept_traceparent(std::string_view given, Random& random);

}  // namespace sluice::telemetry
