#include "http/request_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/format.h"
#include "http/request_rules.h"

namespace sluice::http {

namespace {
// A piece of the head as offsets, since the bytes may move until the head is complete.
struct Span {
  std::size_t from = 0;
  std::size_t size = 0;
  [[nodiscard]] std::string_view in(std::string_view bytes) const {
    return bytes.substr(from, size);
  }
  [[nodiscard]] std::size_t end() const { return from + size; }
};

// Does the first line end in a well-formed version, be it one that is not spoken here?
bool is_version_line(std::string_view bytes) {
  constexpr std::string_view kForm = " HTTP/d.d";
  const auto end = std::min(bytes.find_first_of("\r\n"), bytes.size());
  const std::string_view line = bytes.substr(0, end);
  if (line.size() < kForm.size() || bytes.substr(end).starts_with('\n')) return false;
  return std::ranges::equal(line.substr(line.size() - kForm.size()), kForm, [](char c, char form) {
    return form == 'd' ? c >= '0' && c <= '9' : c == form;
  });
}
}  // namespace

struct RequestParser::State {
  explicit State(HeadLimits l) : limits(l) {
    llhttp_settings_init(&settings);
    settings.on_method = on_method;
    settings.on_url = on_url;
    settings.on_header_field = on_field;
    settings.on_header_value = on_value;
    settings.on_header_value_complete = on_value_complete;
    settings.on_headers_complete = on_headers_complete;
    settings.on_chunk_header = on_chunk_header;
    settings.on_body = on_body;
    settings.on_message_complete = on_message_complete;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = this;
  }

  static State& self(llhttp_t* p) { return *static_cast<State*>(p->data); }

  void extend(Span& span, const char* at, std::size_t size) const {
    if (span.size == 0) span.from = static_cast<std::size_t>(at - base);
    span.size += size;
  }
  static int on_method(llhttp_t* p, const char* at, std::size_t n) {
    self(p).extend(self(p).method, at, n);
    return 0;
  }
  static int on_url(llhttp_t* p, const char* at, std::size_t n) {
    self(p).extend(self(p).url, at, n);
    return 0;
  }
  static int on_field(llhttp_t* p, const char* at, std::size_t n) {
    if (!self(p).head_done) self(p).extend(self(p).field, at, n);
    return 0;
  }
  static int on_value(llhttp_t* p, const char* at, std::size_t n) {
    if (!self(p).head_done) self(p).extend(self(p).value, at, n);
    return 0;
  }
  static int on_value_complete(llhttp_t* p) {
    State& s = self(p);
    if (s.head_done) {
      s.too_many_headers = ++s.trailers > s.limits.headers;
      return s.too_many_headers ? HPE_USER : 0;
    }
    s.spans.emplace_back(s.field, s.value);
    s.field = s.value = {};
    s.too_many_headers = s.spans.size() > s.limits.headers;
    return s.too_many_headers ? HPE_USER : 0;
  }
  static int on_headers_complete(llhttp_t* p) {
    self(p).head_done = true;
    return HPE_PAUSED;
  }
  // Refuses a chunk that will not fit before its bytes come.
  static int on_chunk_header(llhttp_t* p) {
    State& s = self(p);
    s.body_too_large = p->content_length > s.body_limit - s.body->size();
    return s.body_too_large ? HPE_USER : 0;
  }
  static int on_body(llhttp_t* p, const char* at, std::size_t n) {
    State& s = self(p);
    s.body->append(at, n);
    return 0;
  }
  static int on_message_complete(llhttp_t* p) {
    self(p).message_done = true;
    return HPE_PAUSED;
  }

  Step refuse(int status, std::string_view reason, std::string message) {
    refusal = {status, reason, std::move(message)};
    return Step::kRefused;
  }
  Step refuse_grammar(std::string_view bytes, const char* begin);
  Step finish_head(std::string_view bytes);

  const HeadLimits limits;
  llhttp_settings_t settings{};
  llhttp_t parser{};
  const char* base = nullptr;  // of the bytes being fed
  std::size_t fed = 0;
  bool head_done = false;
  bool message_done = false;
  bool too_many_headers = false;
  bool body_too_large = false;
  std::size_t head_size = 0;
  Span method, url, field, value;
  std::vector<std::pair<Span, Span>> spans;
  std::size_t trailers = 0;
  std::size_t trailer_bytes = 0;
  std::size_t decoded = 0;  // of the body, in all
  std::string* body = nullptr;
  std::size_t body_limit = 0;
  RequestHead head;
  Refusal refusal;
};

RequestParser::RequestParser(HeadLimits limits) : state_(std::make_unique<State>(limits)) {}
RequestParser::~RequestParser() = default;

const RequestHead& RequestParser::head() const {
  return state_->head;
}
std::size_t RequestParser::head_size() const {
  return state_->head_size;
}
const Refusal& RequestParser::refusal() const {
  return state_->refusal;
}
bool RequestParser::begun() const {
  return state_->fed > 0;
}

void RequestParser::reset() {
  State& s = *state_;
  llhttp_reset(&s.parser);
  s.fed = s.head_size = s.trailers = s.trailer_bytes = s.decoded = 0;
  s.head_done = s.message_done = s.too_many_headers = s.body_too_large = false;
  s.method = s.url = s.field = s.value = {};
  s.spans.clear();
  auto headers = std::move(s.head.headers);
  headers.clear();
  s.head = {};
  s.head.headers = std::move(headers);  // its memory serves again
}

RequestParser::Step RequestParser::State::refuse_grammar(std::string_view bytes,
                                                         const char* begin) {
  const auto error = llhttp_get_errno(&parser);
  const char* at = llhttp_get_error_pos(&parser);
  const auto offset = at == nullptr ? 0 : static_cast<std::size_t>(at - begin);
  if (too_many_headers) {
    return refuse(431, "too_many_headers", formatted("more than {} header fields", limits.headers));
  }
  if (error == HPE_INVALID_VERSION && is_version_line(bytes)) {
    return refuse(505, "bad_version", "HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  const char* why = llhttp_get_error_reason(&parser);
  return refuse(400, "bad_grammar",
                formatted("not HTTP/1.1 at byte {}{}{}", std::min(offset, bytes.size()),
                          why != nullptr && *why != '\0' ? ": " : "", why == nullptr ? "" : why));
}

RequestParser::Step RequestParser::feed_head(std::string_view bytes) {
  State& s = *state_;
  s.base = bytes.data();
  // RFC 9112 2.2 lets empty lines precede a request; llhttp would also let a bare LF.
  std::string_view lead = bytes.substr(0, bytes.find_first_not_of("\r\n"));
  while (lead.starts_with("\r\n")) lead.remove_prefix(2);
  const bool may_go_on = lead == "\r" && lead.end() == bytes.end();
  if (!lead.empty() && !may_go_on) {
    return s.refuse(400, "bad_grammar", "a line ends in CR LF, not in one of them");
  }
  // Never beyond the limit, so that a refusal does not hang on how the bytes fall into reads.
  const std::string_view fresh = bytes.substr(0, s.limits.bytes).substr(s.fed);
  const llhttp_errno_t error = llhttp_execute(&s.parser, fresh.data(), fresh.size());
  s.fed += fresh.size();
  if (s.head_done && error == HPE_PAUSED) {
    s.head_size = static_cast<std::size_t>(llhttp_get_error_pos(&s.parser) - s.base);
    return s.finish_head(bytes);
  }
  if (error != HPE_OK) return s.refuse_grammar(bytes, s.base);
  if (bytes.size() >= s.limits.bytes) {
    if (s.spans.empty() && s.field.size == 0) {
      return s.refuse(414, "target_too_long",
                      formatted("the request line is longer than {} bytes", s.limits.bytes));
    }
    return s.refuse(431, "head_too_large",
                    formatted("the request head is longer than {} bytes", s.limits.bytes));
  }
  return Step::kNeedMore;
}

RequestParser::Step RequestParser::State::finish_head(std::string_view bytes) {
  head.method_text = method.in(bytes);
  head.target = url.in(bytes);
  head.minor_version = parser.http_minor;
  head.headers.clear();
  for (const auto& [name, text] : spans) {
    head.headers.push_back({name.in(bytes), trim(text.in(bytes))});
  }
  // llhttp lets more than one space through between the parts of the request line.
  if (url.from != method.end() + 1 || !bytes.substr(url.end()).starts_with(" HTTP/")) {
    return refuse(400, "bad_request_line", "the request line has parts apart by more than a space");
  }
  if (parser.http_major != 1 || parser.http_minor > 1) {
    return refuse(505, "bad_version", "HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (auto wrong = apply_rules(head)) {
    refusal = std::move(*wrong);
    return Step::kRefused;
  }
  return Step::kDone;
}

RequestParser::Step RequestParser::feed_chunked(std::string_view bytes, std::string& body,
                                                std::size_t limit, std::size_t& consumed) {
  State& s = *state_;
  s.body = &body;
  s.body_limit = limit;
  s.base = bytes.data();
  const std::size_t before = body.size();
  llhttp_resume(&s.parser);
  const llhttp_errno_t error = llhttp_execute(&s.parser, bytes.data(), bytes.size());
  consumed = bytes.size();
  if (s.message_done && error == HPE_PAUSED) {
    consumed = static_cast<std::size_t>(llhttp_get_error_pos(&s.parser) - bytes.data());
    return Step::kDone;
  }
  if (s.too_many_headers) return s.refuse(431, "too_many_headers", "too many trailer fields");
  if (s.body_too_large) {
    return s.refuse(413, "body_too_large", formatted("the body is longer than {} bytes", limit));
  }
  if (error != HPE_OK) {
    Step step = s.refuse_grammar(bytes, bytes.data());
    s.refusal.reason = "bad_chunk";
    s.refusal.message.insert(0, "in the chunked body, ");
    return step;
  }
  // Sizes, extensions and trailers are bounded too: framing may be no larger than body + one head.
  s.decoded += body.size() - before;
  s.trailer_bytes += bytes.size() - (body.size() - before);
  if (s.trailer_bytes > s.limits.bytes + 16 * (s.decoded + 1)) {
    return s.refuse(431, "head_too_large", "chunk framing or trailers are too long");
  }
  return Step::kNeedMore;
}

}  // namespace sluice::http
