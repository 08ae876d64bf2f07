#include "backends/http_predict/options.h"

#include "base/format.h"
#include "config/fields.h"
#include "http/client/url.h"

namespace sluice::http_predict {

namespace {
std::string check_url(const std::string& text) {
  const auto url = http::parse_url(text);
  if (!url) {
    constexpr std::string_view kBefore = "cannot be used: ";
    const std::string& why = url.error().message;
    return formatted("a URL that can be called ({})",
                     why.substr(why.find(kBefore) + kBefore.size()));
  }
  return url->path.contains('?') ? "a URL without a query, since paths are appended to it" : "";
}

std::string check_path(const std::string& text) {
  return text.starts_with('/') ? "" : "a path that begins with '/'";
}
}  // namespace

void describe(config::Fields<TlsOptions>& f) {
  f.about("client TLS", "Whom to trust and what to show over https.");
  f.field("ca", &TlsOptions::ca,
          "A PEM file with the authorities to trust; without one the machine's own.");
  f.field("verify", &TlsOptions::verify, "Whether certificates are checked; false is for tests.");
  f.field("certificate", &TlsOptions::certificate, "A PEM file with a certificate to show.");
  f.field("key", &TlsOptions::key, "A PEM file with its key; without one it is in `certificate`.");
}

void describe(config::Fields<HttpPredictOptions>& f) {
  using O = HttpPredictOptions;
  using namespace std::chrono_literals;
  f.about("http_predict",
          "A model behind POST /predict: {\"data\": [[..]]} in, probabilities out.");
  f.field("replicas", &O::urls,
          "Where it is: http://, https:// or http+unix://, with a path if it has one. Each is a "
          "replica, and so is each address of a name that resolves to several.")
      .required()
      .entries(1, 64)
      .check(check_url);
  f.field("timeout", &O::timeout, "How long an answer may take; a call's own deadline if earlier.")
      .range(1ms, 24h);
  f.field("connect_timeout", &O::connect_timeout,
          "How long resolving, connecting and the TLS handshake may take.")
      .range(1ms, 1h);
  f.field("resolve_every", &O::resolve_every,
          "How often names are resolved again while they are in use.")
      .range(100ms, 24h);
  f.field("idle_limit", &O::idle_limit,
          "How long an unused connection is kept; less than what the service keeps it.")
      .range(1ms, 1h);
  f.field("max_connections", &O::max_connections,
          "Connections from one io thread to one replica, at most.")
      .range(1, 65536);
  f.field("max_waiting", &O::max_waiting,
          "Calls on one io thread that may wait for a connection to one replica.")
      .at_most(1 << 20);
  f.bytes("max_answer_bytes", &O::max_answer_bytes, "The longest answer that is taken.")
      .range(1024, std::size_t{1} << 32);
  f.field("input", &O::input, "The name of the input tensor, FP32.").not_empty();
  f.field("columns", &O::columns, "The numbers of a row; -1 for any.").at_least(-1);
  f.field("output", &O::output, "The name of the output tensor, FP32.").not_empty();
  f.field("classes", &O::classes, "The numbers of a row of the output; -1 for any.").at_least(-1);
  f.field("predict_path", &O::predict_path, "Where it predicts (POST).").check(check_path);
  f.field("health_path", &O::health_path, "Where it tells its health (GET).").check(check_path);
  f.field("test_path", &O::test_path, "Where it predicts its own test input (GET).")
      .check(check_path);
  f.field("tls", &O::tls, "For https URLs.");
  f.field("ejection", &O::ejection, "When a replica that fails is left out for a while.");
  f.field("retry", &O::retry, "When a call that failed is tried again on another replica.");
}

void validate(const HttpPredictOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"connect_timeout", "timeout"}) && o.connect_timeout > o.timeout) {
    p.add(at.near("connect_timeout"), "must not be longer than timeout");
  }
  if (o.columns == 0) p.add(at.near("columns"), "must be -1 or at least 1");
  if (o.classes == 0) p.add(at.near("classes"), "must be -1 or at least 1");
}

}  // namespace sluice::http_predict
