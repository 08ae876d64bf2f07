#include "http/client/url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/format.h"
#include "http/client/address.h"
#include "http/headers.h"

namespace sluice::http {

namespace {
constexpr std::size_t kMaxUrl = 2048;
constexpr std::size_t kMaxHost = 253;  // RFC 1035 2.3.4, without the final dot

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

std::optional<int> hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex(text[i + 1]);
    const auto low = hex(text[i + 2]);
    if (!high || !low || (*high == 0 && *low == 0)) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

std::string percent_encode_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (is_host_char(c)) {
      out += c;
    } else {
      out += formatted("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) {}

  Result<Url> parse() {
    if (text_.size() > kMaxUrl) return wrong(formatted("it is longer than {} bytes", kMaxUrl));
    if (std::ranges::any_of(text_, [](unsigned char c) { return c <= ' ' || c >= 127; })) {
      return wrong("it has a space, a control character or a byte outside ASCII");
    }
    const auto colon = text_.find("://");
    if (colon == std::string_view::npos) {
      return wrong("it has no scheme: write http://, https:// or http+unix://");
    }
    const auto scheme = text_.substr(0, colon);
    rest_ = text_.substr(colon + 3);
    if (iequals(scheme, "http")) {
      url_.port = 80;
    } else if (iequals(scheme, "https")) {
      url_.scheme = Url::Scheme::kHttps;
      url_.port = 443;
    } else if (iequals(scheme, "http+unix")) {
      url_.scheme = Url::Scheme::kUnix;
      url_.port = 0;
    } else {
      return wrong(
          formatted("'{}' is not a scheme that can be called: http, https or http+unix", scheme));
    }
    const auto end = rest_.find_first_of("/?#");
    const auto authority = rest_.substr(0, end);
    const auto path = end == std::string_view::npos ? std::string_view{} : rest_.substr(end);
    if (authority.empty()) return wrong("it has no host");
    if (authority.contains('@')) {
      return wrong("it names a user: secrets do not belong in an address");
    }
    if (path.contains('#')) return wrong("it has a fragment ('#...'), which is never sent");
    if (auto parsed = take_authority(authority); !parsed) return fail(parsed.error());
    take_path(path);
    return std::move(url_);
  }

 private:
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view why) const {
    return fail(invalid(formatted("the URL '{}' cannot be used: {}", text_.substr(0, 200), why)));
  }

  Result<> take_authority(std::string_view authority) {
    if (url_.scheme == Url::Scheme::kUnix) {
      const auto path = percent_decode(authority);
      if (!path || !path->starts_with('/')) {
        return wrong(
            "write the socket's full path percent-encoded, as http+unix://%2Frun%2Fa.sock");
      }
      if (auto address = Address::unix_socket(*path); !address) {
        return wrong(address.error().message);
      }
      url_.socket_path = *path;
      return {};
    }
    std::string_view port;
    if (authority.starts_with('[')) {
      const auto close = authority.find(']');
      if (close == std::string_view::npos) return wrong("'[' without ']'");
      url_.host = authority.substr(1, close - 1);
      if (!url_.host.contains(':') || !Address::parse(url_.host, 0)) {
        return wrong(formatted("'{}' is not an IPv6 address", url_.host));
      }
      port = authority.substr(close + 1);
    } else {
      const auto colon = authority.find(':');
      if (colon != authority.rfind(':')) {
        return wrong("an IPv6 address stands in brackets: http://[::1]:8000");
      }
      url_.host = authority.substr(0, colon);
      if (url_.host.empty()) return wrong("it has no host");
      if (colon != std::string_view::npos) port = authority.substr(colon);
      if (url_.host.size() > kMaxHost || !std::ranges::all_of(url_.host, is_host_char)) {
        return wrong(
            formatted("'{}' is not a host name: letters, digits, '-', '_' and '.', at most {}",
                      url_.host, kMaxHost));
      }
    }
    std::ranges::transform(url_.host, url_.host.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    return take_port(port);
  }

  Result<> take_port(std::string_view port) {
    if (port.empty()) return {};
    unsigned value = 0;
    const char* end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data() + 1, end, value);
    if (port[0] != ':' || error != std::errc{} || stop != end || value == 0 || value > 65535) {
      return wrong(formatted("'{}' is not a port: ':' and a number from 1 to 65535", port));
    }
    url_.port = static_cast<std::uint16_t>(value);
    return {};
  }

  void take_path(std::string_view path) {
    if (path.starts_with('?')) url_.path = "/";
    url_.path += path;
    if (!url_.path.contains('?')) {
      while (url_.path.ends_with('/')) url_.path.pop_back();
    }
  }

  std::string_view text_;
  std::string_view rest_;
  Url url_;
};
}  // namespace

Result<Url> parse_url(std::string_view text) {
  return Parser(text).parse();
}

std::string authority_of(const Url& url) {
  if (url.scheme == Url::Scheme::kUnix) return "localhost";
  const std::string host = url.host.contains(':') ? formatted("[{}]", url.host) : url.host;
  const bool usual = url.port == (url.scheme == Url::Scheme::kHttps ? 443 : 80);
  return usual ? host : formatted("{}:{}", host, url.port);
}

std::string to_string(const Url& url) {
  if (url.scheme == Url::Scheme::kUnix) {
    return formatted("http+unix://{}{}", percent_encode_path(url.socket_path), url.path);
  }
  return formatted("{}://{}{}", url.scheme == Url::Scheme::kHttps ? "https" : "http",
                   authority_of(url), url.path);
}

}  // namespace sluice::http
