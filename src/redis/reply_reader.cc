#include "redis/reply_reader.h"

#include <hiredis/read.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include "base/format.h"

namespace sluice::redis {

namespace {
// An array that is announced gets room for this many at once; more when they have come.
constexpr std::size_t kReservedItems = 1024;
}  // namespace

struct ReplyReader::State {
  explicit State(std::size_t limit) : max_bytes(limit) {
    reader = redisReaderCreateWithFunctions(&functions);
    if (reader == nullptr) throw std::bad_alloc();
    reader->privdata = this;
    reader->maxelements = static_cast<long long>(kMaxReplyItems);
  }
  ~State() { redisReaderFree(reader); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Where hiredis's tasks get what they build: the root here, what is inside at its place in its
  // parent. A parent grows only when its last item is whole, so a place stays where it is.
  static void* place(const redisReadTask* task, Reply reply) {
    State& state = *static_cast<State*>(task->privdata);
    if (task->parent == nullptr) return &(state.root = std::move(reply));
    if (++state.items > kMaxReplyItems) {
      return state.refuse(formatted("a reply of more than {} items", kMaxReplyItems));
    }
    return &static_cast<Reply*>(task->parent->obj)->append(std::move(reply));
  }
  static void* refuse(const redisReadTask* task, std::string why) {
    return static_cast<State*>(task->privdata)->refuse(std::move(why));
  }
  void* refuse(std::string why) {
    refusal = std::move(why);
    return nullptr;
  }

  static void* create_text(const redisReadTask* task, char* data, std::size_t size) {
    switch (task->type) {
      case REDIS_REPLY_STRING:
        // The parser makes sure that there are two more bytes, and does not look at them.
        if (data[size] != '\r' || data[size + 1] != '\n') {
          return refuse(task, "a text that does not end where it said");
        }
        return place(task, Reply(Reply::Kind::kText, std::string(data, size)));
      case REDIS_REPLY_STATUS:
        return place(task, Reply(Reply::Kind::kStatus, std::string(data, size)));
      case REDIS_REPLY_ERROR:
        return place(task, Reply(Reply::Kind::kError, std::string(data, size)));
      default:
        return refuse(task, "a text of a protocol that was not asked for (RESP3)");
    }
  }
  static void* create_array(const redisReadTask* task, std::size_t size) {
    if (task->type != REDIS_REPLY_ARRAY) {
      return refuse(task, "a collection of a protocol that was not asked for (RESP3)");
    }
    std::size_t depth = 1;
    for (const auto* up = task->parent; up != nullptr; up = up->parent) ++depth;
    if (depth > kMaxReplyDepth) {
      return refuse(task, formatted("arrays more than {} deep", kMaxReplyDepth));
    }
    std::vector<Reply> items;
    items.reserve(std::min(size, kReservedItems));
    return place(task, Reply(std::move(items)));
  }
  static void* create_integer(const redisReadTask* task, long long value) {
    return place(task, Reply(static_cast<std::int64_t>(value)));
  }
  static void* create_nil(const redisReadTask* task) { return place(task, Reply()); }
  static void* create_double(const redisReadTask* task, double, char*, std::size_t) {
    return refuse(task, "a number of a protocol that was not asked for (RESP3)");
  }
  static void* create_bool(const redisReadTask* task, int) {
    return refuse(task, "a truth value of a protocol that was not asked for (RESP3)");
  }
  // Called with roots only.
  static void free_reply(void* reply) { *static_cast<Reply*>(reply) = Reply(); }

  static redisReplyObjectFunctions functions;

  redisReader* reader;
  const std::size_t max_bytes;
  std::size_t bytes = 0;  // fed and not yet part of a whole reply
  std::size_t items = 0;  // of the reply that is being read
  Reply root;
  std::string refusal;
};

redisReplyObjectFunctions ReplyReader::State::functions = {
    .createString = create_text,
    .createArray = create_array,
    .createInteger = create_integer,
    .createDouble = create_double,
    .createNil = create_nil,
    .createBool = create_bool,
    .freeObject = free_reply,
};

ReplyReader::ReplyReader(std::size_t max_reply_bytes)
    : state_(std::make_unique<State>(max_reply_bytes)) {}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
  state_->bytes += bytes.size();
  redisReaderFeed(state_->reader, bytes.data(), bytes.size());
}

Result<std::optional<Reply>> ReplyReader::next() {
  State& state = *state_;
  if (state.reader->err == REDIS_OK) {
    void* root = nullptr;
    if (redisReaderGetReply(state.reader, &root) == REDIS_OK) {
      if (root == nullptr) {
        if (state.bytes <= state.max_bytes) return std::optional<Reply>();
        state.refusal = formatted("a reply of more than {} bytes", state.max_bytes);
        return fail(unavailable("the server sent " + state.refusal));
      }
      state.items = 0;
      state.bytes = state.reader->len - state.reader->pos;
      return std::optional<Reply>(std::exchange(state.root, Reply()));
    }
  }
  if (!state.refusal.empty()) return fail(unavailable("the server sent " + state.refusal));
  return fail(
      unavailable(formatted("the server sent what is no Redis reply: {}", state.reader->errstr)));
}

}  // namespace sluice::redis
