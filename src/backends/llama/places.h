// Which sequence of a context a call gets, and how much of its prompt is there already.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/llama/ports.h"

namespace sluice::llama {

// What each sequence of a context holds, busy or left over from an earlier call. Beginnings are
// used again within a tenant only: how fast an answer comes must not tell what others asked. A
// value; one thread.
class Places {
 public:
  explicit Places(std::uint32_t sequences) : places_(sequences) {}

  struct Found {
    std::uint32_t sequence = 0;
    std::uint32_t reused = 0;                // tokens at the beginning of the prompt
    std::optional<std::uint32_t> copy_from;  // they lie there; else in the sequence itself
  };
  // A free place for a prompt: the one that holds most of its beginning, else the one unused for
  // longest. At least the last token is always left to compute, since its logits are wanted. The
  // place is busy from now on and holds nothing but what is reused. None when all are busy.
  std::optional<Found> take(std::string_view tenant, std::span<const Token> prompt);
  // Tokens that the context has taken in.
  void append(std::uint32_t sequence, std::span<const Token> tokens);
  // The context holds no more than this many.
  void truncate(std::uint32_t sequence, std::uint32_t tokens);
  // Free again; what it holds stays until somebody else needs the place.
  void leave(std::uint32_t sequence);

  [[nodiscard]] bool any_free() const;

 private:
  struct Place {
    bool busy = false;
    std::string tenant;
    std::vector<Token> tokens;
    std::uint64_t used = 0;
  };
  std::vector<Place> places_;
  std::uint64_t clock_ = 0;
};

}  // namespace sluice::llama
