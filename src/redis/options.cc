#include "redis/options.h"

#include "config/fields.h"
#include "redis/endpoint.h"

namespace sluice::redis {

namespace {
constexpr std::uint32_t kMostDatabases = 65'535;

std::string check_address(const std::string& text) {
  return parse_endpoint(text, kServerPort) ? "" : "host:port, [IPv6]:port or unix:/path/of.sock";
}
// CLIENT SETNAME takes no spaces, and the name stands in logs.
std::string check_client_name(const std::string& name) {
  for (const char c : name) {
    if (c <= ' ' || c > '~') return "printable characters without spaces";
  }
  return "";
}
}  // namespace

void describe(config::Fields<TlsOptions>& f) {
  f.about("redis TLS", "Whom to trust and what to show.");
  f.field("ca", &TlsOptions::ca,
          "A PEM file with the authorities to trust; without one the machine's own.");
  f.field("verify", &TlsOptions::verify, "Whether certificates are checked; false is for tests.");
  f.field("certificate", &TlsOptions::certificate, "A PEM file with a certificate to show.");
  f.field("key", &TlsOptions::key, "A PEM file with its key; without one it is in `certificate`.");
  f.field(
      "server_name", &TlsOptions::server_name,
      "The name that the server's certificate must be for, and that is asked for (SNI); without "
      "it the host of the address. Sentinels tell addresses, so with them it is mostly needed.");
}

void describe(config::Fields<SentinelOptions>& f) {
  f.about("sentinel",
          "Sentinels, which know what server is the master and make another one if it "
          "fails.");
  f.field("addresses", &SentinelOptions::addresses,
          "Where they are, host:port each (port 26379 if none is given). They are asked in turn.")
      .required()
      .entries(1, 32)
      .check(check_address);
  f.field("master", &SentinelOptions::master, "The name of the master, as the Sentinels know it.")
      .not_empty();
  f.field("username", &SentinelOptions::username,
          "The user for the Sentinels, if they ask for one.");
  f.field("password", &SentinelOptions::password,
          "The password for the Sentinels; empty for none.");
  f.field("tls", &SentinelOptions::tls, "TLS to the Sentinels; without it plain text.");
}

void describe(config::Fields<ReconnectOptions>& f) {
  using namespace std::chrono_literals;
  f.about("reconnect",
          "The waits between tries to connect: they double, and are shortened at random "
          "by up to half.");
  f.field("first", &ReconnectOptions::first, "The first wait.").range(1ms, 1min);
  f.field("most", &ReconnectOptions::most, "The longest wait.").range(1ms, 10min);
}

void describe(config::Fields<RedisOptions>& f) {
  using O = RedisOptions;
  using namespace std::chrono_literals;
  f.about("redis", "A Redis or Valkey server of version 7 or later, alone or with Sentinels.");
  f.field("address", &O::address, "Where it is: host:port, [IPv6]:port or unix:/path/of.sock.")
      .default_is("127.0.0.1:6379, or whom the Sentinels name")
      .check([](const std::string& text) { return text.empty() ? "" : check_address(text); });
  f.field("username", &O::username, "The user to be (ACL); without one `default`.");
  f.field("password", &O::password, "The user's password; empty for none.");
  f.field("database", &O::database, "The number of the database.").at_most(kMostDatabases);
  f.field("client_name", &O::client_name, "How the server lists these connections.")
      .check(check_client_name);
  f.field("tls", &O::tls,
          "TLS to the server; without it plain text. `tls: {}` trusts the machine's "
          "authorities.");
  f.field("sentinel", &O::sentinel, "Ask Sentinels where the server is, in place of `address`.");
  f.field("connect_timeout", &O::connect_timeout,
          "How long resolving, connecting, the TLS handshake and logging in may take.")
      .range(1ms, 1min);
  f.field("command_timeout", &O::command_timeout,
          "How long a command may take; its caller's own deadline if earlier.")
      .range(1ms, 10min);
  f.field("response_timeout", &O::response_timeout,
          "How long a server that owes an answer may be silent. Then it counts as hung, and the "
          "connection is closed.")
      .range(1ms, 10min);
  f.field("probe_every", &O::probe_every, "How often the server is asked whether it is well.")
      .range(10ms, 10min);
  f.field("reconnect", &O::reconnect, "When to connect again.");
  f.field("max_in_flight", &O::max_in_flight,
          "Commands of one connection that have no answer yet, at most.")
      .range(16, 10'000'000);
  f.bytes("max_queued_bytes", &O::max_queued_bytes,
          "What may wait to be sent on one connection; at least one command may.")
      .range(1024, std::size_t{1} << 34);
  f.bytes("max_reply_bytes", &O::max_reply_bytes, "The longest reply that is taken.")
      .range(64 * 1024, std::size_t{1} << 32);
  f.here(&O::where);
}

void validate(const TlsOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"certificate", "key"}) && o.certificate.empty() && !o.key.empty()) {
    p.add(at.near("key"), "a key without a certificate: set `certificate` too");
  }
}

void validate(const SentinelOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"username", "password"}) && !o.username.empty() && o.password.empty()) {
    p.add(at.near("username"), "a user without a password: set `password` too");
  }
}

void validate(const ReconnectOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"first", "most"}) && o.first > o.most) {
    p.add(at.near("most"), "the longest wait is shorter than the first: raise `most`");
  }
}

void validate(const RedisOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"address", "sentinel"}) && o.sentinel && !o.address.empty()) {
    p.add(at.near("address"),
          "both an address and Sentinels: with `sentinel` leave `address` out, they tell it");
  }
  if (p.were_read(at, {"username", "password"}) && !o.username.empty() && o.password.empty()) {
    p.add(at.near("username"), "a user without a password: set `password` too");
  }
  if (p.were_read(at, {"address", "tls"}) && o.tls && o.address.starts_with("unix:") &&
      o.tls->server_name.empty() && o.tls->verify) {
    p.add(at.near("tls"), "TLS over a Unix socket needs the `server_name` of the certificate");
  }
}

}  // namespace sluice::redis
