#include "backends/generation_wire/options.h"

#include <set>

#include "backends/generation_wire/options_fields.h"
#include "base/format.h"
#include "http/client/url.h"
#include "http/headers.h"

namespace sluice::generation_wire {

std::string check_engine_url(const std::string& text) {
  const auto url = http::parse_url(text);
  if (!url) {
    constexpr std::string_view kBefore = "cannot be used: ";
    const std::string& why = url.error().message;
    const auto at = why.find(kBefore);
    return formatted("a URL that can be called ({})",
                     at == std::string::npos ? why : why.substr(at + kBefore.size()));
  }
  return url->path.contains('?') ? "a URL without a query, since paths are appended to it" : "";
}

std::string check_api_key(const config::Secret& key) {
  return http::is_field_value(key.reveal()) ? "" : "a key without line breaks";
}

std::uint32_t EngineOptions::reserved_slots() const {
  if (best_effort_only) return 0;
  return reserved.value_or(slots > 1 ? 1 : 0);
}

std::vector<EngineOptions> WireOptions::all_engines() const {
  std::vector<EngineOptions> all;
  all.reserve(urls.size() + engines.size());
  for (const std::string& url : urls) {
    all.push_back({.url = url, .slots = engine_slots, .reserved = engine_reserved});
  }
  all.insert(all.end(), engines.begin(), engines.end());
  return all;
}

void describe(config::Choices<TaskKind>& c) {
  c.choice("generate", TaskKind::kGenerate, "it writes text")
      .choice("embed", TaskKind::kEmbed, "it makes vectors of texts");
}

void describe(config::Fields<TlsOptions>& f) {
  f.about("engine TLS", "Whom to trust and what to show over https.");
  f.field("ca", &TlsOptions::ca,
          "A PEM file with the authorities to trust; without one the machine's own.");
  f.field("verify", &TlsOptions::verify, "Whether certificates are checked; false is for tests.");
  f.field("certificate", &TlsOptions::certificate, "A PEM file with a certificate to show.");
  f.field("key", &TlsOptions::key, "A PEM file with its key; without one it is in `certificate`.");
}

void describe(config::Fields<EngineOptions>& f) {
  f.about("engine", "One engine that has the model.");
  f.field("url", &EngineOptions::url, "Where it is.").required().check(check_engine_url);
  f.field("slots", &EngineOptions::slots, "How many calls at once it takes.").range(1, 65536);
  f.field("reserved", &EngineOptions::reserved,
          "Slots of these that best effort does not get, so that realtime need not wait for it.")
      .at_most(65535)
      .default_is("one where there is more than one");
  f.field("weight", &EngineOptions::weight,
          "How fast it is beside the others: at twice the weight it counts as half as busy.")
      .range(0.001, 1000.0);
  f.field(
      "best_effort_only", &EngineOptions::best_effort_only,
      "Takes best-effort calls that the others have no slot for, and realtime ones only when no "
      "other engine can be used.");
}

void validate_wire(const WireOptions& o, config::Problems& p, const config::Node& at) {
  if (!p.were_read(at, {"urls", "engines"})) return;
  if (o.urls.empty() && o.engines.empty()) {
    p.add(at, "no engine is named: set urls, or engines");
  }
  if (p.were_read(at, {"engine_slots", "engine_reserved"})) {
    for (const EngineOptions& engine : o.all_engines()) {
      if (engine.reserved_slots() < engine.slots) continue;
      p.add(at, formatted("best effort would never run at {}: at most {} of {} slots can be "
                          "reserved",
                          engine.url, engine.slots - 1, engine.slots));
    }
  }
  std::set<std::string> seen;
  for (const EngineOptions& engine : o.all_engines()) {
    const auto url = http::parse_url(engine.url);
    if (url && !seen.insert(http::to_string(*url)).second) {
      p.add(at, formatted("the engine {} is named twice", http::to_string(*url)));
    }
  }
  if (seen.size() > kMaxEngines) {
    p.add(at, formatted("more than {} engines are named", kMaxEngines));
  }
  if (p.were_read(at, {"connect_timeout", "timeout"}) && o.connect_timeout > o.timeout) {
    p.add(at.near("connect_timeout"), "must not be longer than timeout");
  }
}

}  // namespace sluice::generation_wire
