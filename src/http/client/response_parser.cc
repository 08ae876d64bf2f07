#include "http/client/response_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/format.h"

namespace sluice::http {

namespace {
constexpr std::size_t kPadding = 64;           // what simdjson may read beyond the text
constexpr std::size_t kReserve = 1024 * 1024;  // believe a Content-Length up to here
}  // namespace

struct ResponseParser::Impl {
  explicit Impl(ResponseLimits l) : limits(l) {
    llhttp_settings_init(&settings);
    settings.on_status = on_passed_over;
    settings.on_header_field = on_field;
    settings.on_header_value = on_value;
    settings.on_header_value_complete = on_value_complete;
    settings.on_chunk_extension_name = on_passed_over;
    settings.on_chunk_extension_value = on_passed_over;
    settings.on_headers_complete = on_headers_complete;
    settings.on_body = on_body_part;
    settings.on_message_complete = on_message_complete;
  }

  static Impl& self(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }

  int stop(Error why) {
    error = std::move(why);
    stopped = true;
    return HPE_USER;
  }
  // Everything that is not body counts here, so that nothing grows without end.
  int count(std::size_t bytes) {
    overhead += bytes;
    if (overhead <= limits.head_bytes) return 0;
    return stop({ErrorCode::kTooLarge,
                 formatted("the head of the answer is over {} bytes", limits.head_bytes)});
  }
  [[nodiscard]] bool interim() const { return parser.status_code / 100 == 1; }

  static int on_field(llhttp_t* parser, const char* at, std::size_t size) {
    Impl& me = self(parser);
    if (const int code = me.count(size)) return code;
    me.name.append(at, size);
    return 0;
  }
  static int on_value(llhttp_t* parser, const char* at, std::size_t size) {
    Impl& me = self(parser);
    if (const int code = me.count(size)) return code;
    me.value.append(at, size);
    return 0;
  }
  static int on_value_complete(llhttp_t* parser) {
    Impl& me = self(parser);
    HeaderList& list = me.in_body ? me.response.trailers : me.response.headers;
    if (list.fields().size() >= me.limits.headers) {
      return me.stop({ErrorCode::kTooLarge,
                      formatted("the answer has over {} header fields", me.limits.headers)});
    }
    list.add(std::exchange(me.name, {}), std::string(trim(me.value)));
    me.value.clear();
    return 0;
  }
  // The reason phrase and chunk extensions: read past.
  static int on_passed_over(llhttp_t* parser, const char*, std::size_t size) {
    return self(parser).count(size);
  }

  static int on_headers_complete(llhttp_t* parser) {
    Impl& me = self(parser);
    if (me.parser.status_code == 101) {
      return me.stop(unavailable("the peer switches protocols, which nobody asked for"));
    }
    if (me.interim()) return 0;
    me.in_body = true;
    me.overhead = 0;  // trailers have the same room again
    me.response.status = me.parser.status_code;
    if (!me.to_head && (me.parser.flags & F_CONTENT_LENGTH) != 0) {
      me.expected = me.parser.content_length;
      if (me.expected > me.limits.body_bytes) return me.too_large();
      if (me.on_body == nullptr) {
        me.response.body.reserve(std::min<std::size_t>(me.expected, kReserve) + kPadding);
      }
    }
    if (me.on_head != nullptr && *me.on_head) (*me.on_head)(me.response);
    return me.to_head ? 1 : 0;
  }

  int too_large() {
    return stop({ErrorCode::kTooLarge,
                 formatted("the body of the answer is over {} bytes", limits.body_bytes)});
  }

  static int on_body_part(llhttp_t* parser, const char* at, std::size_t size) {
    Impl& me = self(parser);
    me.body_bytes += size;
    if (me.body_bytes > me.limits.body_bytes) return me.too_large();
    if (me.on_body == nullptr) {
      me.response.body.append(at, size);
      return 0;
    }
    if (!(*me.on_body)({at, size})) return me.stop(cancelled("the reader of the answer stopped"));
    return 0;
  }

  static int on_message_complete(llhttp_t* parser) {
    Impl& me = self(parser);
    if (me.interim()) {
      me.response = {};
      return 0;
    }
    me.done = true;
    me.keep_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED;
  }

  State fail_with(Error why) {
    if (!stopped) error = std::move(why);
    stopped = true;
    return State::kFailed;
  }
  State finish(bool all_taken) {
    keep_alive = keep_alive && all_taken;
    response.body.reserve(response.body.size() + kPadding);
    return State::kDone;
  }

  const ResponseLimits limits;
  llhttp_settings_t settings{};
  llhttp_t parser{};
  bool to_head = false;
  OnHead* on_head = nullptr;
  OnBody* on_body = nullptr;
  ClientResponse response;
  std::string name;
  std::string value;
  std::size_t overhead = 0;
  std::size_t body_bytes = 0;
  std::size_t expected = 0;
  bool heard = false;
  bool in_body = false;
  bool done = false;
  bool stopped = false;
  bool keep_alive = false;
  Error error;
};

ResponseParser::ResponseParser(ResponseLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
ResponseParser::~ResponseParser() = default;

void ResponseParser::begin(bool to_head, OnHead* on_head, OnBody* on_body) {
  Impl& me = *impl_;
  llhttp_init(&me.parser, HTTP_RESPONSE, &me.settings);
  me.parser.data = &me;
  me.to_head = to_head;
  me.on_head = on_head;
  me.on_body = on_body != nullptr && *on_body ? on_body : nullptr;
  me.response = {};
  me.name.clear();
  me.value.clear();
  me.overhead = me.body_bytes = me.expected = 0;
  me.heard = me.in_body = me.done = me.stopped = me.keep_alive = false;
}

ResponseParser::State ResponseParser::feed(std::string_view bytes) {
  Impl& me = *impl_;
  if (bytes.empty()) return State::kMore;
  me.heard = true;
  const llhttp_errno_t code = llhttp_execute(&me.parser, bytes.data(), bytes.size());
  if (me.done) {
    const char* stop = llhttp_get_error_pos(&me.parser);
    return me.finish(stop == bytes.data() + bytes.size());
  }
  if (code == HPE_OK) return State::kMore;
  const char* reason = llhttp_get_error_reason(&me.parser);
  return me.fail_with(unavailable(
      formatted("the answer is not HTTP: {}", reason == nullptr ? "unknown reason" : reason)));
}

ResponseParser::State ResponseParser::end() {
  Impl& me = *impl_;
  if (!me.heard) {
    return me.fail_with(unavailable("the peer closed the connection without an answer"));
  }
  llhttp_finish(&me.parser);  // completes an answer whose body ends with the connection
  if (me.done) return me.finish(false);
  if (!me.in_body) {
    return me.fail_with(unavailable("the peer closed the connection in the head of its answer"));
  }
  std::string of = me.expected == 0 ? "" : formatted(" of {}", me.expected);
  return me.fail_with(unavailable(formatted(
      "the peer closed the connection after {}{} bytes of its answer's body", me.body_bytes, of)));
}

const Error& ResponseParser::error() const {
  return impl_->error;
}
ClientResponse ResponseParser::take() {
  return std::move(impl_->response);
}
bool ResponseParser::reusable() const {
  return impl_->done && impl_->keep_alive;
}
bool ResponseParser::heard() const {
  return impl_->heard;
}

}  // namespace sluice::http
