#include "config/type.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/format.h"
#include "config/units.h"

namespace sluice::config {
namespace {

constexpr std::size_t kMaxNameBytes = 64;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_object_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && is_alnum(text.front()) &&
         std::ranges::all_of(
             text, [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; });
}

// Whether `node` is a scalar that may be something else than a text.
bool is_unquoted_scalar(const Node& node) {
  return node.is_scalar() && !node.is_quoted();
}

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

std::string between(std::string_view least, std::string_view most, bool has_least, bool has_most) {
  if (has_least && has_most) return formatted("from {} to {}", least, most);
  if (has_least) return formatted("of at least {}", least);
  return formatted("of at most {}", most);
}

// "3 to 5", "at least 3", "at most 5".
std::string amount(const Constraints& bounds) {
  const bool has_most = bounds.max_items != std::numeric_limits<std::size_t>::max();
  if (bounds.min_items > 0 && has_most) {
    return formatted("{} to {}", bounds.min_items, bounds.max_items);
  }
  return bounds.min_items > 0 ? formatted("at least {}", bounds.min_items)
                              : formatted("at most {}", bounds.max_items);
}

// What a whole number of some unit is: how it is read and written.
struct Whole {
  std::string_view what;
  std::string_view example;
  bool has_unit;
  std::optional<std::int64_t> (*parse)(std::string_view text);
  std::string (*format)(std::int64_t value);
};

std::string with_bounds(const Constraints& bounds, const Whole& whole) {
  // That a time or a size is not negative goes without saying.
  const bool has_least = bounds.least != kLeast && (!whole.has_unit || bounds.least > 0);
  const bool has_most = bounds.most != kMost;
  if (!has_least && !has_most) return formatted("{} of 64 bits", whole.what);
  return formatted(
      "{} {}", whole.what,
      between(whole.format(bounds.least), whole.format(bounds.most), has_least, has_most));
}

std::optional<std::int64_t> read_whole(const Node& node, Problems& problems,
                                       const Constraints& bounds, const Whole& whole) {
  // A quantity is a quantity in quotes as well; a number in quotes is a text.
  const bool readable = node.is_scalar() && (whole.has_unit || !node.is_quoted());
  const auto value = readable ? whole.parse(node.text()) : std::nullopt;
  if (value && *value >= bounds.least && *value <= bounds.most) return value;
  add_mismatch(node,
               value || !whole.has_unit ? with_bounds(bounds, whole)
                                        : formatted("{}{}", whole.what, whole.example),
               problems);
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Reports what is not among `choices`, with a guess. What came from outside may be a secret in the
// wrong place: no guess about that, since it would tell what it resembles.
void add_no_choice(const Node& node, Problems& problems, const std::vector<Choice>& choices) {
  std::vector<std::string_view> names;
  names.reserve(choices.size());
  for (const Choice& choice : choices) names.push_back(choice.name);
  std::string expected = any_of(names);
  if (node.is_scalar() && !node.is_substituted()) {
    if (const auto meant = nearest(node.text(), names)) {
      expected += formatted(" (probably {})", *meant);
    }
  }
  add_mismatch(node, expected, problems);
}

}  // namespace

Grammar name_grammar() {
  return {"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
          "1 to 64 letters, digits, '_', '-' or '.', a letter or digit first", is_object_name};
}

bool Type::read(const Node& node, Problems& problems, void* value) const {
  const std::size_t before = problems.unread();
  bool ok = do_read(node, problems, value);
  if (ok) {
    for (const auto& check : constraints_.checks) {
      const std::string expected = check(value);
      if (expected.empty()) continue;
      ok = false;
      // A secret is not printed, also where it is none.
      if (kind() == Kind::kSecret) {
        problems.add(node, formatted("expected {}, but another text came", expected));
      } else {
        add_mismatch(node, expected, problems);
      }
    }
  }
  if (!ok && problems.unread() == before) problems.mark_unread(node);
  return ok;
}

void add_mismatch(const Node& node, std::string_view expected, Problems& problems) {
  if (node.is_broken()) return;
  std::string message = formatted("expected {}, but {} came", expected, node.describe_value());
  problems.add(node, std::move(message));
}

std::optional<bool> read_bool(const Node& node, Problems& problems) {
  if (is_unquoted_scalar(node)) {
    if (node.text() == "true") return true;
    if (node.text() == "false") return false;
  }
  add_mismatch(node, "true or false", problems);
  return std::nullopt;
}

std::optional<std::int64_t> read_integer(const Node& node, Problems& problems,
                                         const Constraints& bounds) {
  return read_whole(node, problems, bounds,
                    {"a whole number", "", false, parse_integer,
                     [](std::int64_t value) { return std::to_string(value); }});
}

std::optional<std::int64_t> read_duration(const Node& node, Problems& problems,
                                          const Constraints& bounds) {
  return read_whole(node, problems, bounds,
                    {"a duration", " such as 250ms, 1s, 5m or 24h", true,
                     [](std::string_view text) -> std::optional<std::int64_t> {
                       const auto value = parse_duration(text);
                       if (!value) return std::nullopt;
                       return value->count();
                     },
                     [](std::int64_t value) { return format_duration(Duration(value)); }});
}

std::optional<std::int64_t> read_bytes(const Node& node, Problems& problems,
                                       const Constraints& bounds) {
  return read_whole(
      node, problems, bounds,
      {"a number of bytes", " such as 4096, 8KiB, 10MiB or 1GiB", true,
       [](std::string_view text) -> std::optional<std::int64_t> {
         const auto value = parse_bytes(text);
         if (!value) return std::nullopt;
         return static_cast<std::int64_t>(*value);
       },
       [](std::int64_t value) {
         return format_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)));
       }});
}

std::optional<double> read_number(const Node& node, Problems& problems, const Constraints& bounds) {
  double value = 0;
  const std::string_view text = node.text();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!is_unquoted_scalar(node) || text.empty() || error != std::errc{} ||
      end != text.data() + text.size() || !std::isfinite(value)) {
    add_mismatch(node, "a number", problems);
    return std::nullopt;
  }
  if (value < bounds.least_number || value > bounds.most_number) {
    add_mismatch(
        node,
        formatted("a number {}",
                  between(format_number(bounds.least_number), format_number(bounds.most_number),
                          std::isfinite(bounds.least_number), std::isfinite(bounds.most_number))),
        problems);
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> read_text(const Node& node, Problems& problems,
                                     const Constraints& bounds) {
  if (!node.is_scalar() || node.is_broken()) {
    add_mismatch(node, "a text", problems);
    return std::nullopt;
  }
  const std::string_view text = node.text();
  if (text.contains('\0')) {  // by an escape: no path, name or header may hold it
    problems.add(node, "expected a text without zero bytes");
    return std::nullopt;
  }
  if (!bounds.choices.empty() && !std::ranges::contains(bounds.choices, text, &Choice::name)) {
    add_no_choice(node, problems, bounds.choices);
    return std::nullopt;
  }
  if (bounds.grammar && !bounds.grammar->matches(text)) {
    add_mismatch(node, bounds.grammar->sentence, problems);
    return std::nullopt;
  }
  if (text.size() < bounds.min_items || text.size() > bounds.max_items) {
    problems.add(node, text.empty() ? std::string("expected a text that is not empty")
                                    : formatted("expected a text of {} bytes, but {} came",
                                                amount(bounds), text.size()));
    return std::nullopt;
  }
  return std::string(text);
}

std::optional<std::size_t> read_choice(const Node& node, Problems& problems,
                                       const Constraints& bounds) {
  if (node.is_scalar()) {
    const auto found = std::ranges::find(bounds.choices, node.text(), &Choice::name);
    if (found != bounds.choices.end()) {
      return static_cast<std::size_t>(found - bounds.choices.begin());
    }
  }
  add_no_choice(node, problems, bounds.choices);
  return std::nullopt;
}

bool check_items(const Node& node, Problems& problems, const Constraints& bounds) {
  if (node.size() >= bounds.min_items && node.size() <= bounds.max_items) return true;
  problems.add(node, formatted("expected {} entries, but {} came", amount(bounds), node.size()));
  return false;
}

bool check_key(const Node& entry, Problems& problems, const Constraints& bounds) {
  if (!bounds.grammar || bounds.grammar->matches(entry.key())) return true;
  problems.add(
      Problem{entry.key_location(), entry.path(),
              formatted("this name is not allowed; a name is {}", bounds.grammar->sentence)});
  return false;
}

std::string format_number(double value) {
  std::array<char, 32> buffer{};
  // As people write it, unless that would be long.
  const double size = std::abs(value);
  const bool fixed = value == 0 || (size >= 1e-4 && size < 1e15);
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                    fixed ? std::chars_format::fixed : std::chars_format::scientific);
  return error == std::errc{} ? std::string(buffer.data(), end) : std::string("0");
}

void write_any(const Node& node, Writer& writer) {
  switch (node.kind()) {
    case NodeKind::kNull:
      return writer.null();
    case NodeKind::kScalar:
      // Whose type is not known may be a secret.
      return writer.hidden();
    case NodeKind::kSequence:
      writer.begin_list();
      for (std::size_t i = 0; i < node.size(); ++i) write_any(node.at(i), writer);
      return writer.end_list();
    case NodeKind::kMapping:
      writer.begin_map();
      for (std::size_t i = 0; i < node.size(); ++i) {
        writer.key(node.at(i).key());
        write_any(node.at(i), writer);
      }
      return writer.end_map();
  }
}

}  // namespace sluice::config
