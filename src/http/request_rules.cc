#include "http/request_rules.h"

#include <algorithm>
#include <charconv>

namespace sluice::http {

namespace {
Refusal refuse(std::string_view reason, std::string message, int status = 400) {
  return {status, reason, std::move(message)};
}

Method method_of(std::string_view text) {
  for (const Method method : {Method::kGet, Method::kPost, Method::kHead, Method::kPut,
                              Method::kDelete, Method::kOptions, Method::kPatch}) {
    if (text == to_string(method)) return method;
  }
  return Method::kOther;
}

// RFC 3986's characters of a path and query; '%' must begin an escape.
bool is_target(std::string_view text) {
  constexpr std::string_view kRefused = "\"<>\\^`{|}#";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c <= 32 || c >= 127 || kRefused.contains(text[i])) return false;
    if (c == '%' &&
        (i + 2 >= text.size() || std::isxdigit(static_cast<unsigned char>(text[i + 1])) == 0 ||
         std::isxdigit(static_cast<unsigned char>(text[i + 2])) == 0 ||
         text.substr(i + 1, 2) == "00")) {  // an encoded NUL ends the path for some readers
      return false;
    }
  }
  return true;
}

std::optional<Refusal> split_target(RequestHead& head) {
  std::string_view target = head.target;
  if (!is_target(target)) {
    return refuse("bad_target",
                  "the request target has a byte that must be percent-encoded, or NUL");
  }
  if (target == "*") {
    if (head.method != Method::kOptions) return refuse("bad_target", "'*' goes with OPTIONS only");
    head.path = target;
    return std::nullopt;
  }
  if (!target.starts_with('/')) {  // absolute-form: what it names must be what Host names
    const auto scheme = target.find("://");
    if (scheme == std::string_view::npos || !(iequals(target.substr(0, scheme), "http") ||
                                              iequals(target.substr(0, scheme), "https"))) {
      return refuse("bad_target", "the request target must begin with '/'");
    }
    target.remove_prefix(scheme + 3);
    const auto end = std::min(target.find_first_of("/?"), target.size());
    if (!iequals(target.substr(0, end), head.host)) {
      return refuse("bad_target", "the request target and Host name different hosts");
    }
    target.remove_prefix(end);
    if (target.empty() || target.front() == '?') {
      head.path = "/";
      head.query = target.empty() ? target : target.substr(1);
      return std::nullopt;
    }
  }
  const auto question = target.find('?');
  head.path = target.substr(0, question);
  head.query =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  return std::nullopt;
}

std::optional<Refusal> read_length(RequestHead& head, std::string_view text, bool seen) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  const bool digits =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || error != std::errc() || end != text.data() + text.size()) {
    return refuse("bad_content_length", "Content-Length must be one plain number");
  }
  if (seen) return refuse("bad_content_length", "Content-Length is there twice");
  head.content_length = length;
  return std::nullopt;
}
}  // namespace

bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 255 + 6) return false;
  std::string_view port;
  if (text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return false;
    const auto inner = text.substr(1, close - 1);
    if (inner.empty() || !std::ranges::all_of(inner, [](unsigned char c) {
          return std::isxdigit(c) != 0 || c == ':' || c == '.';
        })) {
      return false;
    }
    port = text.substr(close + 1);
  } else {
    const auto colon = text.find(':');
    const auto name = text.substr(0, colon);
    constexpr std::string_view kMarks = "-._~!$&'()*+,;=%";
    if (name.empty() || !std::ranges::all_of(name, [&](unsigned char c) {
          return std::isalnum(c) != 0 || kMarks.contains(static_cast<char>(c));
        })) {
      return false;
    }
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (port.empty()) return true;
  port.remove_prefix(1);
  if (!std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; })) return false;
  unsigned number = 0;  // an empty port is allowed
  return port.empty() ||
         (port.size() <= 5 &&
          std::from_chars(port.data(), port.data() + port.size(), number).ec == std::errc() &&
          number <= 65535);
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* from = text.data() + i + 1;
    if (std::from_chars(from, from + 2, value, 16).ptr != from + 2 || value == 0)
      return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

std::optional<Refusal> apply_rules(RequestHead& head) {
  head.method = method_of(head.method_text);
  head.keep_alive = head.minor_version == 1;
  head.expects_continue = head.chunked = false;
  head.content_length = 0;
  head.host = head.path = head.query = {};
  int hosts = 0;
  int encodings = 0;
  bool length_seen = false;
  for (const HeaderView& header : head.headers) {
    if (!is_token(header.name) || !is_field_value(header.value)) {
      return refuse("bad_header", "a header field has a byte outside the grammar");
    }
    // By length first: most fields are none of these.
    switch (header.name.size()) {
      case 4:
        if (iequals(header.name, "host")) {
          ++hosts;
          head.host = header.value;
        }
        break;
      case 6:
        if (iequals(header.name, "expect")) {
          if (!iequals(header.value, "100-continue")) {
            return refuse("bad_expect", "the only Expect understood is 100-continue", 417);
          }
          head.expects_continue = head.minor_version == 1;
        }
        break;
      case 10:
        if (iequals(header.name, "connection")) {
          if (has_token(header.value, "close")) head.keep_alive = false;
          if (head.minor_version == 0 && has_token(header.value, "keep-alive"))
            head.keep_alive = true;
        }
        break;
      case 14:
        if (iequals(header.name, "content-length")) {
          if (auto wrong = read_length(head, header.value, length_seen)) return wrong;
          length_seen = true;
        }
        break;
      case 17:
        if (iequals(header.name, "transfer-encoding")) {
          ++encodings;
          if (!iequals(header.value, "chunked")) {
            return refuse("bad_transfer_encoding", "the only Transfer-Encoding taken is 'chunked'");
          }
          head.chunked = true;
        }
        break;
      default:
        break;
    }
  }
  if (encodings > 1) return refuse("bad_transfer_encoding", "Transfer-Encoding is there twice");
  if (head.chunked && length_seen) {
    return refuse("bad_transfer_encoding",
                  "Transfer-Encoding and Content-Length exclude each other");
  }
  if (head.chunked && head.minor_version == 0) {
    return refuse("bad_transfer_encoding", "HTTP/1.0 has no Transfer-Encoding");
  }
  if (hosts > 1) return refuse("bad_host", "Host is there twice");
  if (hosts == 0 && head.minor_version == 1) return refuse("bad_host", "Host is missing");
  if (hosts == 1 && !is_host(head.host)) return refuse("bad_host", "Host is not a host name");
  return split_target(head);
}

}  // namespace sluice::http
