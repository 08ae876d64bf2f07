// The connection loop: reads requests, hands them to handlers one after the other, writes answers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http/loop_server.h"
#include "http/transport.h"

namespace sluice::http {

// Owned by its LoopServer, one thread. It is also the Exchange of the request at hand: requests of
// a pipeline are answered in order, so there is one at a time.
//
// Phases: kProxyHeader -> kHead <-> kBody -> kHandling (<-> kStreaming) -> kHead ...
//         kHead -> kHandling -> kUpload -> kHandling, where the route takes the body as it comes
//         any -> kLingering (answered with close; what still comes is thrown away) -> gone
// A connection whose client went away while a handler works stays, without its socket, until the
// handler has answered.
class Connection final : public IoHandler, public Exchange {
 public:
  Connection(LoopServer& server, SitePtr site, std::unique_ptr<Transport> transport,
             std::string peer);
  ~Connection() override;

  void start(const Binding& binding);
  void on_io(bool readable, bool writable) override;
  // The server's calls, each after handle_later(), send_later() and handle_next_turn().
  void handle();
  void send();
  void resume();
  [[nodiscard]] bool ended() const { return ended_; }
  // Closes now if it is between requests, else after the answer.
  void drain();
  // The client is as good as gone.
  void abort();
  // The listener's snapshot was replaced, or the listener itself is gone (null).
  void rebind(const Binding* binding, const Binding* now);

 private:
  enum class Phase : std::uint8_t {
    kProxyHeader,
    kHead,
    kBody,
    kHandling,
    kUpload,
    kStreaming,
    kLingering
  };
  static constexpr std::size_t kHighWater = 256 * 1024;  // unsent bytes beyond which we wait
  static constexpr int kRequestsPerTurn = 64;            // then others get their turn

  // connection.cc: reading
  void pump();
  void pump_later();
  void go_on_next_turn();
  bool advance();  // one step; false: nothing more can be done now
  bool step_proxy_header();
  bool step_handling();
  bool step_head();
  void start_timings();
  bool step_body();
  void begin_body();
  bool fill();  // more bytes into the input buffer; false: none now
  bool fill_body_store();
  bool understand(TransferResult result, std::size_t room);
  void make_room();
  [[nodiscard]] std::string_view pending() const {
    return {in_.bytes.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] bool idle() const { return phase_ == Phase::kHead && begin_ == end_; }
  // Waits for bytes of a head, and has used all that came.
  [[nodiscard]] bool wants_head() const { return phase_ == Phase::kHead && end_ - begin_ == fed_; }
  void give_back_input();

  // connection_upload.cc: a body that goes to its handler as it comes
  void begin_upload();
  bool step_upload();
  bool next_part(std::string_view& part);  // false: the body is broken
  void end_upload();
  void leave_upload();  // answered before the end
  void break_upload(const Refusal& refusal);
  void do_stream_body(BodySink& sink) override;
  void do_resume_body() override;

  // connection_dispatch.cc: to the handler
  void dispatch();
  void track();
  bool admitted();  // else answered
  void answer_unrouted(const Router::Match& match);
  void tell_error(int status, const Error& why, const HeaderList* extra = nullptr);
  bool answer_preflight();
  void refuse(const Refusal& refusal);

  // connection_answer.cc: the Exchange's side
  void do_respond(const ResponseHead& head, std::string_view body) override;
  void do_start_stream(const ResponseHead& head) override;
  bool do_write_stream(std::string_view part) override;
  void do_end_stream() override;
  void append_head(const ResponseHead& head, bool chunked, std::optional<std::uint64_t> length,
                   std::string_view encoding);
  void append_cors();
  void answered(int status, std::uint64_t bytes);
  void finish_exchange();

  // connection_life.cc: output, time, end
  bool flush();
  [[nodiscard]] std::size_t unsent() const { return out_.size() - sent_; }
  void linger();
  void lost();  // the client has gone
  void end();
  void set_deadline(TimePoint at);
  void arm_timer();
  void on_timer();
  void on_timeout();

  LoopServer& server_;
  const Binding* binding_ = nullptr;  // null once the listener is closed
  SitePtr site_;                      // of the request at hand
  std::unique_ptr<Transport> transport_;
  std::string peer_text_;
  std::string forwarded_text_;
  RequestParser parser_;
  Phase phase_ = Phase::kHead;

  InputBuffer in_;
  std::size_t begin_ = 0;   // of the request at hand
  std::size_t fed_ = 0;     // bytes of the head that the parser has seen
  std::size_t cursor_ = 0;  // first byte not understood yet (bodies)
  std::size_t end_ = 0;     // of what has been read
  bool readable_ = true;
  bool hangup_ = false;     // the kernel has said that the peer is done sending
  std::string body_store_;  // chunked bodies, and those too large for the input buffer
  std::size_t body_got_ = 0;
  bool body_in_place_ = false;
  bool upload_open_ = false;  // a body is to be taken as it comes, and has not ended
  bool upload_paused_ = false;
  bool upload_last_ = false;  // all parts have come
  std::uint64_t upload_got_ = 0;
  BodySink* upload_sink_ = nullptr;

  std::string out_;
  std::size_t sent_ = 0;
  bool writable_ = true;

  bool pumping_ = false;
  bool handle_queued_ = false;
  bool send_queued_ = false;
  bool resume_queued_ = false;
  bool dispatching_ = false;
  bool answered_ = false;
  bool counted_in_flight_ = false;
  bool close_after_ = false;  // say so in the next answer, and do it
  bool head_only_ = false;    // HEAD
  bool stream_chunked_ = false;
  bool gone_ = false;   // the client; the handler has not answered yet
  bool ended_ = false;  // destroyed at the end of this turn
  const Route* route_ = nullptr;
  int status_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::size_t lingered_ = 0;
  bool vary_encoding_ = false;  // the answer hangs on Accept-Encoding
  bool must_linger_ = false;    // the client may still be sending
  bool sending_finished_ = false;

  TimePoint deadline_ = TimePoint::max();        // of the phase
  TimePoint write_deadline_ = TimePoint::max();  // while something is unsent
  TimePoint timer_at_{};
  TimerId timer_ = 0;
};

}  // namespace sluice::http
