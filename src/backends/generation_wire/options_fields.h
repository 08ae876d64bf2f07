// The fields of WireOptions, for structs that have them among their own. In .cc files only.
#pragma once

#include "backends/generation_wire/options.h"
#include "config/fields.h"

namespace sluice::generation_wire {

std::string check_engine_url(const std::string& text);
std::string check_api_key(const config::Secret& key);

// T derives from WireOptions.
template <class T>
void describe_wire(config::Fields<T>& f) {
  using O = WireOptions;
  using namespace std::chrono_literals;
  const auto of = []<class M>(M O::* member) { return static_cast<M T::*>(member); };
  f.field("urls", of(&O::urls),
          "The engines that have the model: http://, https:// or http+unix://. A call goes to the "
          "idlest.")
      .entries(0, kMaxEngines)
      .check(check_engine_url);
  f.field("engine_slots", of(&O::engine_slots), "How many calls at once each of `urls` takes.")
      .range(1, 65536);
  f.field("engine_reserved", of(&O::engine_reserved),
          "Slots of each of `urls` that best effort does not get.")
      .at_most(65535)
      .default_is("one where there is more than one");
  f.field("engines", of(&O::engines), "Engines that differ from one another, beside `urls`.")
      .entries(0, kMaxEngines);
  f.field("engine_model", of(&O::engine_model),
          "What the model is called there; left out: as the callable.");
  f.field("task", of(&O::task), "What the model does.");
  f.field("api_key", of(&O::api_key), "Sent as Authorization: Bearer.").check(check_api_key);
  f.field("timeout", of(&O::timeout),
          "How long a call may take, waiting for a slot included; its own deadline if earlier.")
      .range(1ms, 24h);
  f.field("connect_timeout", of(&O::connect_timeout),
          "How long resolving, connecting and the TLS handshake may take.")
      .range(1ms, 1h);
  f.field("first_token_timeout", of(&O::first_token_timeout),
          "How long an engine may take to the first token; then another one is asked.")
      .range(1ms, 24h);
  f.field("token_timeout", of(&O::token_timeout),
          "How long an engine may be silent after the first token.")
      .range(1ms, 24h);
  f.field("models_every", of(&O::models_every),
          "How often each engine is asked which models it has, every second while it cannot be "
          "reached; 0s: never.")
      .range(0ms, 24h);
  f.field("max_waiting", of(&O::max_waiting),
          "Calls of each class that may wait for a slot when all engines are busy; others are "
          "refused.")
      .at_most(1 << 20);
  f.bytes("max_answer_bytes", of(&O::max_answer_bytes),
          "The longest answer that is taken, as the engine writes it.")
      .range(1024, std::size_t{1} << 32);
  f.bytes("max_event_bytes", of(&O::max_event_bytes), "The longest part of an answer.")
      .range(1024, std::size_t{1} << 30);
  f.field("tls", of(&O::tls), "For https URLs.");
  f.field("ejection", of(&O::ejection), "When an engine that fails is left out for a while.");
  f.field("retry", of(&O::retry),
          "When a call that failed before its first token is tried on another engine.");
}

}  // namespace sluice::generation_wire
