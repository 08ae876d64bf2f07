#include "http/server_options.h"

#include "config/fields.h"

namespace sluice::http {

namespace {
using std::chrono::hours;
using std::chrono::milliseconds;
}  // namespace

void describe(config::Fields<ServerLimits>& f) {
  f.about("limits", "What a client of HTTP may send and hold, and for how long.");
  f.bytes("head_bytes", &ServerLimits::head_bytes, "The longest request line and headers together.")
      .range(1024, 1 << 20);
  f.field("headers", &ServerLimits::headers, "The most header fields of a request.").range(8, 1000);
  f.bytes("body_bytes", &ServerLimits::body_bytes, "The longest request body.")
      .range(1024, std::size_t{1} << 32);
  f.bytes("upload_bytes", &ServerLimits::upload_bytes,
          "The longest request body where it is taken as it comes, such as a batch of jobs.")
      .range(1024, std::size_t{1} << 40);
  f.field("connections", &ServerLimits::connections,
          "The most open connections of the process; beyond them a client gets 503.")
      .range(1, 10'000'000);
  f.field("in_flight", &ServerLimits::in_flight,
          "The most requests being answered; beyond them a client gets 503.")
      .range(1, 10'000'000);
  f.field("head_timeout", &ServerLimits::head_timeout,
          "From the first byte of a request to the end of its headers.")
      .range(milliseconds(1), hours(1));
  f.field("body_idle_timeout", &ServerLimits::body_idle_timeout,
          "How long a request's body may stand still.")
      .range(milliseconds(1), hours(1));
  f.field("keep_alive_timeout", &ServerLimits::keep_alive_timeout,
          "How long a connection may stay open between requests.")
      .range(milliseconds(1), hours(24));
  f.field("write_timeout", &ServerLimits::write_timeout,
          "How long a client may take no byte of its answer.")
      .range(milliseconds(1), hours(1));
  f.field("retry_after", &ServerLimits::retry_after,
          "What a client is told to wait after a 503 over one of these bounds.")
      .range(milliseconds(1), hours(1));
}

void describe(config::Fields<CorsOptions>& f) {
  f.about("cors", "Which pages of other origins may call (CORS).");
  f.field(
       "origins", &CorsOptions::origins,
       "Origins such as https://app.example, or \"*\" for any; none: pages of others may not call.")
      .entries(0, 100);
  f.field("headers", &CorsOptions::headers,
          "Request headers that such a page may send; \"*\" is all but Authorization.")
      .entries(0, 100);
  f.field("max_age", &CorsOptions::max_age, "How long a browser may remember the answer.")
      .range(milliseconds(0), hours(24));
}

void describe(config::Fields<GzipOptions>& f) {
  f.about("gzip", "Compression of answers, for clients that accept gzip.");
  f.field("enabled", &GzipOptions::enabled, "Whether answers are compressed.");
  f.bytes("min_bytes", &GzipOptions::min_bytes, "Shorter answers go as they are.");
  f.bytes("max_bytes", &GzipOptions::max_bytes,
          "Longer answers go as they are, since compressing them would hold an io thread.");
}

}  // namespace sluice::http
