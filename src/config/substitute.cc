#include "config/substitute.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "base/format.h"

namespace sluice::config {
namespace {

constexpr std::string_view kFilePrefix = "file:";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name(std::string_view name) {
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// The end of the ${..} whose inside starts at `from`: the position of its closing brace.
std::size_t closing_brace(std::string_view text, std::size_t from) {
  int depth = 1;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '$') {
      ++i;
    } else if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{') {
      ++depth;
      ++i;
    } else if (text[i] == '}' && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

class Substitution {
 public:
  Substitution(const Surroundings& surroundings, const std::filesystem::path& folder)
      : surroundings_(surroundings), folder_(folder) {}

  Result<std::string> run(std::string_view text, int depth) {
    if (depth > kMaxSubstitutionDepth) {
      return fail(invalid(
          formatted("defaults of ${{..}} may hold others at most {} deep", kMaxSubstitutionDepth)));
    }
    std::string out;
    std::size_t i = 0;
    while (i < text.size()) {
      const std::size_t dollar = std::min(text.find('$', i), text.size());
      out += text.substr(i, dollar - i);
      i = dollar + 1;
      if (i < text.size() && text[i] == '$') {
        out += '$';
        ++i;
      } else if (i < text.size() && text[i] == '{') {
        const std::size_t end = closing_brace(text, i + 1);
        if (end == std::string_view::npos) {
          return fail(
              invalid("'${' is not closed by '}'; write $${ for the characters themselves"));
        }
        auto value = resolve(text.substr(i + 1, end - i - 1), depth);
        if (!value) return value;
        out += *value;
        i = end + 1;
      } else if (dollar < text.size()) {
        out += '$';
      }
      if (out.size() > kMaxSubstitutedBytes) {
        return fail(ErrorCode::kTooLarge,
                    formatted("the value is longer than {} bytes after substitution",
                              kMaxSubstitutedBytes));
      }
    }
    return out;
  }

  [[nodiscard]] bool changed() const { return changed_; }

 private:
  Result<std::string> resolve(std::string_view inside, int depth) {
    changed_ = true;
    if (inside.starts_with(kFilePrefix)) return file(inside.substr(kFilePrefix.size()), depth);
    const std::size_t colon = inside.find(":-");
    const std::string name(inside.substr(0, colon));
    if (!is_name(name)) {
      return fail(invalid(formatted(
          "'${{{}}}' is not understood; write ${{NAME}}, ${{NAME:-default}} or ${{file:PATH}}",
          inside.substr(0, 60))));
    }
    auto value = surroundings_.variable(name);
    if (colon == std::string_view::npos) {
      if (!value) {
        return fail(not_found(
            formatted("the environment variable {} is not set; set it or write ${{{}:-default}}",
                      name, name)));
      }
      return std::move(*value);
    }
    if (value && !value->empty()) return std::move(*value);
    return run(inside.substr(colon + 2), depth + 1);
  }

  Result<std::string> file(std::string_view written, int depth) {
    auto name = run(written, depth + 1);
    if (!name) return name;
    if (name->empty() || name->find('\0') != std::string::npos) {
      return fail(invalid("${file:} needs the path of a file"));
    }
    const std::filesystem::path path = (folder_ / *name).lexically_normal();
    auto content = surroundings_.file(path, kMaxSubstitutedBytes);
    if (!content) {
      return fail(content.error().code,
                  formatted("cannot read {}: {}", path.string(), content.error().message));
    }
    if (content->ends_with('\n')) content->pop_back();
    if (content->ends_with('\r')) content->pop_back();
    return content;
  }

  const Surroundings& surroundings_;
  const std::filesystem::path& folder_;
  bool changed_ = false;
};

Result<std::string> read_bounded(const std::filesystem::path& path, std::size_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return fail(not_found("there is no such file"));
  if (std::filesystem::is_directory(status)) return fail(invalid("it is a folder"));
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::kForbidden, "it cannot be opened");
  // One byte more than allowed tells too much from just enough, also where a file has no size.
  std::string content(max_bytes + 1, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (in.bad()) return fail(unavailable("it cannot be read"));
  content.resize(static_cast<std::size_t>(in.gcount()));
  if (content.size() > max_bytes) {
    return fail(ErrorCode::kTooLarge, formatted("it is longer than {} bytes", max_bytes));
  }
  return content;
}

}  // namespace

Surroundings Surroundings::of_this_process() {
  return {[](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            if (value == nullptr) return std::nullopt;
            return std::string(value);
          },
          read_bounded};
}

Surroundings Surroundings::none() {
  return {[](const std::string&) { return std::nullopt; },
          [](const std::filesystem::path&, std::size_t) -> Result<std::string> {
            return fail(not_found("there is no such file"));
          }};
}

std::optional<std::size_t> first_not_text(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead == 0) return i;
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return i;
    std::uint32_t point = lead & (0x7FU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0U) != 0x80U) return i;
      point = point << 6U | (next & 0x3FU);
    }
    // Longer than needed, a surrogate, or beyond Unicode.
    if ((length == 3 && point < 0x800) || (length == 4 && (point < 0x10000 || point > 0x10FFFF)) ||
        (point >= 0xD800 && point <= 0xDFFF)) {
      return i;
    }
    i += length;
  }
  return std::nullopt;
}

Result<Substituted> substitute(std::string_view text, const Surroundings& surroundings,
                               const std::filesystem::path& folder) {
  if (text.find('$') == std::string_view::npos) return Substituted{std::string(text), false};
  Substitution substitution(surroundings, folder);
  auto out = substitution.run(text, 0);
  if (!out) return fail(std::move(out.error()));
  if (first_not_text(*out)) return fail(invalid("the value is not UTF-8 text after substitution"));
  return Substituted{std::move(*out), substitution.changed()};
}

}  // namespace sluice::config
