#include "config/writer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/format.h"

namespace sluice::config {
namespace {

// Both JSON and double-quoted YAML read these escapes.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          out += formatted("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

// A text that means itself in YAML without quotes, and nothing else.
bool is_plain(std::string_view text) {
  constexpr std::array kWords{"null", "true", "false", "yes", "no", "on", "off"};
  if (text.empty() || std::ranges::contains(kWords, text)) return false;
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
  };
  const auto inner = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  return letter(text.front()) && std::ranges::all_of(text, inner);
}

// `$` doubled, so that reading does not substitute.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '$') out += '$';
    out += c;
  }
  return out;
}

}  // namespace

void YamlWriter::text(std::string_view text) {
  scalar(is_plain(text) ? std::string(text) : in_quotes(escaped(text)));
}

void YamlWriter::key(std::string_view name) {
  if (levels_.back().empty && after_dash_) {
    after_dash_ = false;
  } else {
    if (!out_.empty()) out_ += '\n';
    indent();
  }
  levels_.back().empty = false;
  out_ += is_plain(name) ? std::string(name) : in_quotes(name);
  out_ += ':';
}

void YamlWriter::item() {
  if (levels_.empty()) return;
  if (!levels_.back().list) return;
  if (levels_.back().empty && after_dash_) {
    after_dash_ = false;
  } else {
    if (!out_.empty()) out_ += '\n';
    indent();
  }
  levels_.back().empty = false;
  out_ += '-';
}

void YamlWriter::scalar(std::string_view text) {
  item();
  if (!levels_.empty()) out_ += ' ';
  out_ += text;
}

void YamlWriter::open(bool list) {
  item();
  if (!levels_.empty() && levels_.back().list) {
    out_ += ' ';
    after_dash_ = true;
  }
  levels_.push_back({list});
}

void YamlWriter::close() {
  const Level level = levels_.back();
  levels_.pop_back();
  if (!level.empty) return;
  if (!levels_.empty() && !after_dash_) out_ += ' ';
  after_dash_ = false;
  out_ += level.list ? "[]" : "{}";
}

void YamlWriter::indent() {
  out_.append(2 * (levels_.size() - 1), ' ');
}

std::string YamlWriter::take() && {
  out_ += '\n';
  return std::move(out_);
}

void JsonWriter::text(std::string_view text) {
  value(in_quotes(text));
}

void JsonWriter::key(std::string_view name) {
  before();
  out_ += in_quotes(name);
  out_ += indented_ ? ": " : ":";
  after_key_ = true;
}

void JsonWriter::before() {
  if (std::exchange(after_key_, false) || empty_.empty()) return;
  if (!empty_.back()) out_ += ',';
  empty_.back() = false;
  line();
}

void JsonWriter::value(std::string_view text) {
  before();
  out_ += text;
}

void JsonWriter::open(char bracket) {
  before();
  out_ += bracket;
  empty_.push_back(true);
}

void JsonWriter::close(char bracket) {
  const bool empty = empty_.back();
  empty_.pop_back();
  if (!empty) line();
  out_ += bracket;
}

void JsonWriter::line() {
  if (!indented_) return;
  out_ += '\n';
  out_.append(2 * empty_.size(), ' ');
}

}  // namespace sluice::config
