#include "backends/tensorflow_serving/options.h"

#include "config/fields.h"
#include "http/client/url.h"

namespace sluice::tensorflow_serving {

namespace {
std::string check_address(const std::string& text) {
  constexpr std::string_view kUnix = "unix:/";
  if (text.starts_with(kUnix) && text.size() > kUnix.size()) return "";
  // What may stand between "http://" and the path of a URL, with its port, is the same.
  const auto url = http::parse_url("http://" + text);
  const bool port_said = text.rfind(':') != std::string::npos && !text.ends_with(']');
  const bool only_address = text.find_first_of("/?#@") == std::string::npos;
  return url && port_said && only_address ? "" : "host:port, [v6]:port or unix:/path";
}
}  // namespace

void describe(config::Fields<TlsOptions>& f) {
  f.about("gRPC client TLS", "Whom to trust and what to show; {} for the defaults.");
  f.field("ca", &TlsOptions::ca,
          "A PEM file with the authorities to trust; without one the machine's own.");
  f.field("verify", &TlsOptions::verify, "Whether certificates are checked; false is for tests.");
  f.field("certificate", &TlsOptions::certificate, "A PEM file with a certificate to show.");
  f.field("key", &TlsOptions::key, "A PEM file with its key; without one it is in `certificate`.");
}

void describe(config::Fields<TensorflowServingOptions>& f) {
  using O = TensorflowServingOptions;
  using namespace std::chrono_literals;
  f.about("tensorflow_serving",
          "A model of TensorFlow Serving, or of whatever speaks its gRPC protocol.");
  f.field("address", &O::address, "Where it speaks gRPC: host:port, [v6]:port or unix:/path.")
      .required()
      .check(check_address);
  f.field("model", &O::model, "What the model is called there; left out: as the callable.");
  f.field("version", &O::version, "The number of a version; left out: the latest.").at_least(0);
  f.field("label", &O::label, "The label of a version, in place of a number.");
  f.field("signature", &O::signature, "Which of the model's signatures is called.").not_empty();
  f.field("timeout", &O::timeout, "How long an answer may take; a call's own deadline if earlier.")
      .range(1ms, 24h);
  f.field("connect_timeout", &O::connect_timeout,
          "How long one attempt to connect may take; the next one begins a second later at most.")
      .range(1ms, 1h);
  f.field("watch_every", &O::watch_every,
          "How often the server is asked for the state of the model; every second while it has not "
          "answered.")
      .range(100ms, 24h);
  f.bytes("max_answer_bytes", &O::max_answer_bytes, "The longest answer that is taken.")
      .range(1024, std::size_t{1} << 30);
  f.field("tls", &O::tls, "Encryption; none when left out.");
}

void validate(const TensorflowServingOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"connect_timeout", "timeout"}) && o.connect_timeout > o.timeout) {
    p.add(at.near("connect_timeout"), "must not be longer than timeout");
  }
  if (p.were_read(at, {"version", "label"}) && o.version && !o.label.empty()) {
    p.add(at.near("label"), "a version is chosen by its number or by a label, not by both");
  }
}

}  // namespace sluice::tensorflow_serving
