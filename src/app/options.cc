#include "app/options.h"

#include <set>

#include "config/fields.h"
#include "http/address.h"

namespace sluice::app {

namespace {
using std::chrono::hours;
using std::chrono::milliseconds;
}  // namespace

void describe(config::Choices<Protocol>& c) {
  c.choice("http", Protocol::kHttp, "HTTP/1.1").choice("grpc", Protocol::kGrpc, "gRPC over HTTP/2");
}

void describe(config::Fields<TlsOptions>& f) {
  f.about("tls", "TLS 1.2 or later; the files are read again on reload.");
  f.field("certificate", &TlsOptions::certificate, "PEM file: the certificate, then its chain.")
      .required();
  f.field("key", &TlsOptions::key, "PEM file: the private key.").required();
  f.field("client_ca", &TlsOptions::client_ca,
          "PEM file: when set, clients must show a certificate of this authority.");
}

void describe(config::Fields<OpenInferenceMount>& f) {
  f.about("open_inference", "The Open Inference Protocol v2, for every callable.");
  f.field("administration", &OpenInferenceMount::administration,
          "Whether models can be loaded and unloaded here; unset: on loopback only.");
  f.field("key", &OpenInferenceMount::key,
          "Asked for in X-API-Key when a model is loaded or unloaded.");
}

void describe(config::Fields<TensorflowServingMount>& f) {
  f.about("tensorflow_serving", "TensorFlow Serving's predictions, for every callable.");
}

void describe(config::Fields<AdminMount>& f) {
  f.about("admin", "Metrics, reload, and loading and unloading of models.");
  f.field("key", &AdminMount::key, "Asked for in X-API-Key; needed beyond loopback.");
}

void describe(config::Fields<JobsMount>& f) {
  f.about("jobs", "Calls that outlive their request, for every callable.");
}

void describe(config::Fields<OpenAiMount>& f) {
  f.about("openai", "OpenAI's API, for every callable that takes prompts or texts to embed.");
}

void describe(config::Fields<OllamaMount>& f) {
  f.about("ollama", "Ollama's API, for every callable that takes prompts or texts to embed.");
}

void describe(config::Fields<MountOptions>& f) {
  f.about("mount", "An API on a listener.");
  f.here(&MountOptions::where);
  f.kind("api", &MountOptions::api, "Which API.")
      .alternative<horizontal::ServiceOptions>("horizontal_service",
                                               "One model: /predict, /metadata, ...")
      .alternative<horizontal::ProxyOptions>("horizontal_proxy",
                                             "An ensemble: /predict, /predict/label, ...")
      .alternative<async_iris::AsyncIrisOptions>(
          "async_iris", "A classifier by jobs: /predict, /job/{job_id}, ...")
      .alternative<OpenInferenceMount>("open_inference", "Open Inference Protocol v2: /v2/...")
      .alternative<TensorflowServingMount>("tensorflow_serving",
                                           "TensorFlow Serving: /v1/models/...")
      .alternative<OpenAiMount>("openai", "OpenAI: /v1/chat/completions, /v1/embeddings, ...")
      .alternative<OllamaMount>("ollama", "Ollama: /api/chat, /api/generate, ...")
      .alternative<news_creator::NewsCreatorOptions>(
          "news_creator", "Summaries: /api/v1/summarize, and Ollama's paths.")
      .alternative<JobsMount>("jobs", "Jobs: /v1/jobs, /v1/queues.")
      .alternative<AdminMount>("admin", "/metrics and /admin/...");
  f.field("target", &MountOptions::target, "The callable, for an API that serves one.");
  f.field("prefix", &MountOptions::prefix, "What the paths begin with, such as /iris.")
      .check([](const std::string& prefix) -> std::string {
        if (prefix.empty() || (prefix.starts_with('/') && !prefix.ends_with('/') &&
                               prefix.find_first_of("?#{} ") == std::string::npos)) {
          return "";
        }
        return "a path such as /iris, without a '/' at its end";
      });
  f.field("rate_per_address", &MountOptions::rate_per_address,
          "In place of the listener's: how many requests an address may make without a key.")
      .check(access::check_address_rate);
}

void validate(const MountOptions& o, config::Problems& p, const config::Node& at) {
  if (!p.were_read(at, {"api", "target"})) return;
  const bool one = std::holds_alternative<horizontal::ServiceOptions>(o.api) ||
                   std::holds_alternative<horizontal::ProxyOptions>(o.api) ||
                   std::holds_alternative<async_iris::AsyncIrisOptions>(o.api) ||
                   std::holds_alternative<news_creator::NewsCreatorOptions>(o.api);
  if (one && o.target.empty()) {
    p.add(at, "'target' is missing: name the callable that this API serves");
  } else if (!one && !o.target.empty()) {
    p.add(at.near("target"), "this API serves every callable; leave 'target' out");
  }
}

void describe(config::Choices<ServedBy>& c) {
  c.choice("serve", ServedBy::kServe, "by sluice serve")
      .choice("worker", ServedBy::kWorker, "by sluice worker")
      .choice("both", ServedBy::kBoth, "by both");
}

void describe(config::Fields<ListenerOptions>& f) {
  f.about("listener", "An address on which requests are taken.");
  f.here(&ListenerOptions::where);
  f.field("address", &ListenerOptions::address,
          "host:port, [v6]:port (port 0: any free one) or unix:/path.")
      .required()
      .check([](const std::string& text) -> std::string {
        const auto address = http::parse_listen_address(text);
        return address ? "" : "an address like 127.0.0.1:8080, [::1]:8080 or unix:/path";
      });
  f.field("served_by", &ListenerOptions::served_by,
          "In which processes over this configuration; a worker mostly has only an address for "
          "health and metrics.");
  f.field("protocol", &ListenerOptions::protocol, "What is spoken.");
  f.field("tls", &ListenerOptions::tls, "Encryption; none when left out.");
  f.field("trusted_proxies", &ListenerOptions::trusted_proxies,
          "Networks (10.0.0.0/8, ::1, unix) whose X-Forwarded-For and PROXY header are believed.")
      .entries(0, 1000)
      .check([](const std::string& network) -> std::string {
        return http::NetworkList::parse({network}) ? "" : "a network like 10.0.0.0/8, ::1 or unix";
      });
  f.field("proxy_protocol", &ListenerOptions::proxy_protocol,
          "Whether every connection begins with a PROXY header (of trusted_proxies only).");
  f.field("cors", &ListenerOptions::cors, "Calls from pages of other origins.");
  f.field("gzip", &ListenerOptions::gzip, "Compression of answers.");
  f.field("rate_per_address", &ListenerOptions::rate_per_address,
          "How many requests an address (of IPv6 a /64) may make to each mount without a key, such "
          "as 100/1m; loopback any number.")
      .check(access::check_address_rate);
  f.field("mounts", &ListenerOptions::mounts, "The APIs served here.").entries(0, 200);
}

void validate(const ListenerOptions& o, config::Problems& p, const config::Node& at) {
  if (p.were_read(at, {"trusted_proxies"}) && o.proxy_protocol && o.trusted_proxies.empty()) {
    p.add(at.near("proxy_protocol"), "nobody could connect: name the balancers in trusted_proxies");
  }
  const auto address = http::parse_listen_address(o.address);
  std::set<std::size_t> served;  // which APIs, by their place in the variant
  for (const MountOptions& mount : o.mounts) {
    // Which API it is has to be known.
    if (std::holds_alternative<std::monostate>(mount.api)) continue;
    const auto* inference = std::get_if<OpenInferenceMount>(&mount.api);
    const auto* admin = std::get_if<AdminMount>(&mount.api);
    if (o.protocol == Protocol::kGrpc) {
      if (inference == nullptr && !std::holds_alternative<TensorflowServingMount>(mount.api)) {
        p.add(mount.where.near("api"),
              "over gRPC only open_inference and tensorflow_serving are served");
      } else if (!served.insert(mount.api.index()).second) {
        p.add(mount.where.near("api"), "over gRPC a listener serves an API once");
      }
    }
    if (!address || address->is_loopback() || !p.were_read(mount.where, {"key"})) continue;
    if (admin != nullptr && (!admin->key || admin->key->empty())) {
      p.add(mount.where,
            "administration beyond loopback needs a key: set 'key', or listen on "
            "127.0.0.1");
    }
    if (inference != nullptr && inference->administration.value_or(false) &&
        (!inference->key || inference->key->empty())) {
      p.add(mount.where.near("administration"),
            "administration beyond loopback needs a key: set 'key', or listen on 127.0.0.1");
    }
  }
  if (o.protocol == Protocol::kGrpc && (o.proxy_protocol || !o.cors.origins.empty())) {
    p.add(at, "proxy_protocol and cors are for http listeners");
  }
}

void describe(config::Fields<RuntimeOptions>& f) {
  f.about("runtime", "Threads.");
  f.field("io_threads", &RuntimeOptions::io_threads,
          "Threads for connections and short calls; 0: one for each usable processor.")
      .range(0, 1024);
  f.field("compute_threads", &RuntimeOptions::compute_threads,
          "Threads for longer calls of realtime, and as many for best effort, which run only where "
          "nobody else wants to; 0: one for each usable processor.")
      .range(0, 1024);
  f.field("compute_queue", &RuntimeOptions::compute_queue,
          "The most calls that wait for such a thread; beyond them a call is refused.")
      .range(1, 1'000'000);
  f.bytes("language_model_memory", &RuntimeOptions::language_model_memory,
          "What language models of this process may take in all, such as 8GiB; those that are not "
          "in use make room for others. 0: no bound.");
}

void describe(config::Fields<ShutdownOptions>& f) {
  f.about("shutdown", "What happens on SIGTERM.");
  f.field("drain_delay", &ShutdownOptions::drain_delay,
          "How long calls are still taken once readiness is false.")
      .range(milliseconds(0), hours(1));
  f.field("drain_timeout", &ShutdownOptions::drain_timeout,
          "How long calls in flight may take to finish after that.")
      .range(milliseconds(0), hours(1));
}

}  // namespace sluice::app
