// From bytes to replies, in whatever pieces they come.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "redis/reply.h"

namespace sluice::redis {

// The most items in all the arrays of one reply together.
inline constexpr std::size_t kMaxReplyItems = 4'000'000;
// Arrays within arrays.
inline constexpr std::size_t kMaxReplyDepth = 32;

// Reads RESP2 by hiredis's parser. Of one connection; one thread. A server that claims a large
// array or text makes it allocate no more than what has come.
class ReplyReader {
 public:
  // One reply may have so many bytes.
  explicit ReplyReader(std::size_t max_reply_bytes);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::string_view bytes);
  // The next whole reply, none when more bytes are needed, or kUnavailable with what is wrong with
  // them; then the stream is of no more use.
  Result<std::optional<Reply>> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::redis
