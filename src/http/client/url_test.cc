#include "http/client/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using Scheme = Url::Scheme;

TEST(Url, IsReadInAllItsForms) {
  struct Case {
    std::string_view text;
    Url url;
    std::string_view authority;
  };
  const Case cases[] = {
      {"http://service_setosa:8000",
       {Scheme::kHttp, "service_setosa", 8000},
       "service_setosa:8000"},
      {"HTTP://Example.COM/", {Scheme::kHttp, "example.com", 80}, "example.com"},
      {"https://a-b.example/base/path/",
       {Scheme::kHttps, "a-b.example", 443, "", "/base/path"},
       "a-b.example"},
      {"https://a:8443/x?y=/z/", {Scheme::kHttps, "a", 8443, "", "/x?y=/z/"}, "a:8443"},
      {"http://a?q", {Scheme::kHttp, "a", 80, "", "/?q"}, "a"},
      {"http://[::1]:9000/x", {Scheme::kHttp, "::1", 9000, "", "/x"}, "[::1]:9000"},
      {"http://127.0.0.1:65535", {Scheme::kHttp, "127.0.0.1", 65535}, "127.0.0.1:65535"},
      {"http+unix://%2Frun%2Fsluice.sock/predict",
       {Scheme::kUnix, "", 0, "/run/sluice.sock", "/predict"},
       "localhost"},
  };
  for (const Case& c : cases) {
    const auto url = parse_url(c.text);
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_EQ(*url, c.url) << c.text << " became " << to_string(*url);
    EXPECT_EQ(authority_of(*url), c.authority);
    EXPECT_EQ(parse_url(to_string(*url)), *url);
  }
}

TEST(Url, SaysWhatIsWrongAndWhatWouldBeRight) {
  struct Case {
    std::string text;
    std::string_view message;
  };
  const Case cases[] = {
      {"", "it has no scheme: write http://"},
      {"localhost:8000", "it has no scheme"},
      {"ftp://a", "'ftp' is not a scheme that can be called"},
      {"http://", "it has no host"},
      {"http:///x", "it has no host"},
      {"http://:80", "it has no host"},
      {"http://user:pw@a", "it names a user"},
      {"http://a/#b", "fragment"},
      {"http://a b", "a space"},
      {"http://\xC3\xA4", "outside ASCII"},
      {"http://a:0", "':0' is not a port"},
      {"http://a:", "':' is not a port"},
      {"http://a:65536", "not a port"},
      {"http://a:80x", "':80x' is not a port"},
      {"http://::1", "stands in brackets"},
      {"http://[::1", "'[' without ']'"},
      {"http://[::1]80", "'80' is not a port"},
      {"http://[nope]", "not an IPv6 address"},
      {"http://a,b", "'a,b' is not a host name"},
      {"http://" + std::string(254, 'a'), "not a host name"},
      {"http://" + std::string(3000, 'a'), "longer than 2048 bytes"},
      {"http+unix://relative/x", "full path percent-encoded"},
      {"http+unix://%2Frun%2", "full path percent-encoded"},
      {"http+unix://%2Frun%00", "full path percent-encoded"},
      {"http+unix://%2F" + std::string(120, 'a'), "1 to 107 bytes, got 121"},
  };
  for (const Case& c : cases) {
    const auto url = parse_url(c.text);
    ASSERT_FALSE(url) << c.text;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(url.error().message, testing::HasSubstr(c.message)) << c.text;
  }
}

}  // namespace
}  // namespace sluice::http
