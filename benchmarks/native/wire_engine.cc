// An engine that speaks OpenAI's chat completions and answers a constant, at once: what a gateway
// stands before, with nothing of its own to wait for.
//
//   wire_engine [--tokens 8] [--token-ms 2]
//
// Prints the port that the kernel gave it. A stream's first token comes at once, the others
// --token-ms after one another, each sent by itself, and with the last of them its end; with
// --token-ms 0 all is sent together. A whole answer comes when the stream's end would. GET of
// anything is the list of its one model.

#include <cstdint>
#include <format>
#include <string>
#include <string_view>

#include "flags.h"
#include "paced_server.h"

namespace {

using std::chrono::nanoseconds;

std::string chunk(const std::string& event) {
  return std::format("{:x}\r\n{}\r\n", event.size(), event);
}

std::string delta(const std::string& delta, const std::string& finish) {
  return chunk(std::format(
      R"(data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"simulated","choices":[{{"index":0,"delta":{},"finish_reason":{}}}]}})"
      "\n\n",
      delta, finish));
}

// What is sent, made once.
struct Texts {
  explicit Texts(int tokens) {
    std::string words;
    for (int i = 0; i < tokens; ++i) words += i == 0 ? "time" : " time";
    completion = bench::json_answer(std::format(
        R"({{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"simulated","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":64,"completion_tokens":{},"total_tokens":{}}}}})",
        words, tokens, 64 + tokens));
    first =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" +
        delta(R"({"role":"assistant","content":""})", "null") +
        delta(R"({"content":"time"})", "null");
    next = delta(R"({"content":" time"})", "null");
    end = delta("{}", R"("stop")") + chunk("data: [DONE]\n\n") + "0\r\n\r\n";
    all = first;
    for (int i = 1; i < tokens; ++i) all += next;
    all += end;
  }
  std::string models = bench::json_answer(
      R"({"object":"list","data":[{"id":"simulated","object":"model","created":1}]})");
  std::string completion;
  std::string first;  // the head of a stream, and its first token
  std::string next;
  std::string end;
  std::string all;  // a stream in one piece
};

// How far a call has come.
struct Progress {
  bool stream;
  int sent;
};

class Engine final : public bench::PacedServer<Progress> {
 public:
  Engine(int tokens, nanoseconds apart) : texts_(tokens), tokens_(tokens), apart_(apart) {}

 private:
  void on_request(Peer peer, std::string_view request) override {
    if (request.starts_with("GET ")) return reply(peer, texts_.models);
    const bool stream = streams(request);
    if (apart_ == nanoseconds(0)) return reply(peer, stream ? texts_.all : texts_.completion);
    if (stream) reply(peer, texts_.first);
    promise(peer, {stream, 1}, bench::Clock::now() + apart_);
  }

  void on_due(Peer peer, Progress call, bench::Clock::time_point at) override {
    if (++call.sent >= tokens_) {
      return reply(peer, call.stream ? texts_.next + texts_.end : texts_.completion);
    }
    if (call.stream) reply(peer, texts_.next);
    promise(peer, call, at + apart_);  // not from now on: what is late makes no other late
  }

  static bool streams(std::string_view request) {
    const std::string_view body = bench::body_of(request);
    return body.contains("\"stream\":true") || body.contains("\"stream\": true");
  }

  const Texts texts_;
  const int tokens_;
  const nanoseconds apart_;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Flags flags(argc, argv);
  const auto apart = nanoseconds(static_cast<std::int64_t>(flags.number("token-ms", 2) * 1e6));
  Engine(static_cast<int>(flags.number("tokens", 8)), apart).run();
}
