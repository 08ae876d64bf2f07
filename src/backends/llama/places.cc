#include "backends/llama/places.h"

#include <algorithm>

namespace sluice::llama {

namespace {
// Shorter beginnings are computed: copying a sequence is not free, and a template's first words are
// no reason to overwrite a long conversation that another of its tenant's will go on with.
constexpr std::uint32_t kWorthwhile = 32;

std::uint32_t common(std::span<const Token> a, std::span<const Token> b) {
  const auto end = std::ranges::mismatch(a, b).in1;
  return static_cast<std::uint32_t>(end - a.begin());
}
}  // namespace

std::optional<Places::Found> Places::take(std::string_view tenant, std::span<const Token> prompt) {
  const auto most = static_cast<std::uint32_t>(prompt.empty() ? 0 : prompt.size() - 1);
  const auto shared = [&](const Place& place) {
    return place.tenant == tenant ? std::min(common(place.tokens, prompt), most) : 0;
  };
  std::optional<std::size_t> chosen;
  std::uint32_t reused = 0;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].busy) continue;
    std::uint32_t here = shared(places_[i]);
    if (here < kWorthwhile) here = 0;
    if (!chosen || here > reused || (here == reused && places_[i].used < places_[*chosen].used)) {
      chosen = i;
      reused = here;
    }
  }
  if (!chosen) return std::nullopt;
  Found found{.sequence = static_cast<std::uint32_t>(*chosen),
              .reused = shared(places_[*chosen]),
              .copy_from = {}};
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].busy) continue;
    const std::uint32_t there = shared(places_[i]);
    if (there >= found.reused + kWorthwhile) {
      found.reused = there;
      found.copy_from = static_cast<std::uint32_t>(i);
    }
  }
  Place& place = places_[*chosen];
  place.busy = true;
  place.tenant = tenant;
  place.tokens.assign(prompt.begin(), prompt.begin() + found.reused);
  place.used = ++clock_;
  return found;
}

void Places::append(std::uint32_t sequence, std::span<const Token> tokens) {
  auto& held = places_[sequence].tokens;
  held.insert(held.end(), tokens.begin(), tokens.end());
}

void Places::truncate(std::uint32_t sequence, std::uint32_t tokens) {
  auto& held = places_[sequence].tokens;
  if (held.size() > tokens) held.resize(tokens);
}

void Places::leave(std::uint32_t sequence) {
  places_[sequence].busy = false;
  places_[sequence].used = ++clock_;
}

bool Places::any_free() const {
  return std::ranges::any_of(places_, [](const Place& place) { return !place.busy; });
}

}  // namespace sluice::llama
