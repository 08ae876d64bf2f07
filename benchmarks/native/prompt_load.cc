// Two kinds of callers of a language model at once, over OpenAI's completions with streaming:
//
//   prompt_load --port 8080 --model smollm2 --people 1 --background 4 --samples 200 [--seconds 600]
//
// A person sends a prompt of --person-tokens words of one token each, reads --person-answer tokens,
// waits --pause ms and asks again. Background callers send --background-tokens, read
// --background-answer, and go on at once. It ends when the people have --samples answers, or after
// --seconds, and prints one line of JSON: the people's times to the first token and per token after
// it, and how many tokens were computed for the background, in how many seconds.
//
// A prompt of the background may take longer than a run, so the tokens are not those of whole
// answers. Either --counter names what counts them at /metrics of the server (the beginning of
// lines, up to the label that tells; all of those are added up); or the server tells the progress
// of each prompt, as llama.cpp's does (its `return_progress`), and then the answer's events count
// too.
//
// Prompts differ from one another from the first word on, so no beginning is used twice.

#include <atomic>
#include <cstdio>
#include <format>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

#include "computed.h"
#include "flags.h"
#include "http_caller.h"
#include "sample.h"
#include "sockets.h"

namespace {

using bench::Clock;

struct Ask {
  std::uint16_t port = 0;
  std::string path;
  std::string model;
  std::string header;     // a line, or none
  int prompt = 0;         // words
  int answer = 0;         // tokens
  bool progress = false;  // the server is to tell how far it is with the prompt
};

struct Answer {
  bool ok = false;
  std::string why;
  Clock::duration first{};
  Clock::duration rest{};  // from the first token to the last
  int tokens = 0;          // events with text
};

// Words that are one token for most vocabularies.
std::string prompt_of(int words, std::mt19937& random) {
  static constexpr const char* kWords[] = {
      "time",    "year",    "people", "way",    "day",   "man",    "thing",   "woman",
      "life",    "child",   "world",  "school", "state", "family", "student", "group",
      "country", "problem", "hand",   "part",   "place", "case",   "week",    "company"};
  std::string text;
  for (int i = 0; i < words; ++i) {
    if (i != 0) text += ' ';
    text += kWords[random() % std::size(kWords)];
  }
  return text;
}

std::string request_of(const Ask& ask, const std::string& prompt) {
  const std::string body = std::format(
      R"({{"model":"{}","prompt":"{}","max_tokens":{},"stream":true,"temperature":0,"ignore_eos":true,"cache_prompt":false{}}})",
      ask.model, prompt, ask.answer, ask.progress ? R"(,"return_progress":true)" : "");
  return std::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{}"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      ask.path, ask.header, body.size(), body);
}

// The number behind the last `"processed":` of a text.
std::int64_t processed_in(std::string_view text) {
  constexpr std::string_view kName = "\"processed\":";
  const std::size_t at = text.rfind(kName);
  return at == std::string_view::npos
             ? 0
             : std::strtoll(std::string(text.substr(at + kName.size(), 12)).c_str(), nullptr, 10);
}

// What the lines of a page of metrics that begin so, and have the class of background work, sum up
// to.
std::int64_t sum_of(std::string_view page, std::string_view counter) {
  double sum = 0;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t end = std::min(page.find('\n', at), page.size());
    const std::string_view line = page.substr(at, end - at);
    if (line.starts_with(counter) && line.find("best_effort") != std::string_view::npos) {
      sum += std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr);
    }
    at = end + 1;
  }
  return static_cast<std::int64_t>(sum);
}

// One request on a connection of its own. What is computed for it is counted, if it is told.
Answer ask_once(const Ask& ask, std::mt19937& random, const std::atomic<bool>& stop,
                bench::Computed& computed) {
  const std::string request = request_of(ask, prompt_of(ask.prompt, random));
  const int fd = bench::connect_to(ask.port);
  const timeval patience{.tv_sec = 0, .tv_usec = 200'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const auto sent = Clock::now();
  Answer answer;
  Clock::time_point first;
  Clock::time_point last;
  std::string text;
  std::size_t seen = 0;
  std::int64_t processed = 0;
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    bench::fail_errno("send");
  }
  char buffer[65536];
  for (;;) {
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (stop) break;
      continue;
    }
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
    if (ask.progress) {
      const std::int64_t now_processed = processed_in(text);
      if (now_processed > processed) computed.grows_by(now_processed - processed);
      processed = std::max(processed, now_processed);
    }
    for (std::size_t at; (at = text.find("\"text\":\"", seen)) != std::string::npos;) {
      seen = at + 8;
      if (text.find_first_of("\"", seen) == seen) continue;  // the empty text at an end
      last = Clock::now();
      if (answer.tokens++ == 0) first = last;
      if (ask.progress && answer.tokens > 1) computed.grows_by(1);
    }
    if (text.find("data: [DONE]") != std::string::npos) {
      answer.ok = answer.tokens > 0;
      break;
    }
  }
  close(fd);
  if (!answer.ok) {
    answer.why = text.substr(0, 300);
    return answer;
  }
  answer.first = first - sent;
  answer.rest = last - first;
  return answer;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Flags flags(argc, argv);
  Ask person{.port = static_cast<std::uint16_t>(flags.number("port", 8080)),
             .path = flags.text("path", "/v1/completions"),
             .model = flags.text("model", "smollm2"),
             .header = {},
             .prompt = static_cast<int>(flags.number("person-tokens", 64)),
             .answer = static_cast<int>(flags.number("person-answer", 8))};
  Ask background = person;
  background.prompt = static_cast<int>(flags.number("background-tokens", 1500));
  background.answer = static_cast<int>(flags.number("background-answer", 64));
  person.header = "X-Sluice-Class: realtime\r\n";
  background.header = "X-Sluice-Class: best_effort\r\n";
  const std::string counter = flags.text("counter", "");
  background.progress = counter.empty();
  const auto people = static_cast<int>(flags.number("people", 1));
  const auto others = static_cast<int>(flags.number("background", 0));
  const auto samples = static_cast<int>(flags.number("samples", 200));
  const auto pause = std::chrono::milliseconds(static_cast<int>(flags.number("pause", 300)));
  const auto seconds = flags.number("seconds", 600);
  const auto warm_up = flags.number("warm-up", 0);  // seconds of background before the people

  std::mutex mutex;
  bench::Sample to_first;
  bench::Sample per_token;
  std::string failure;
  std::atomic<int> answers = 0;
  std::atomic<int> failed = 0;
  std::atomic<bool> stop = false;
  std::atomic<long> background_answers = 0;
  bench::Computed computed;

  std::vector<std::thread> threads;
  for (int i = 0; i < others; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(1000 + static_cast<unsigned>(i));
      while (!stop) {
        const Answer answer = ask_once(background, random, stop, computed);
        if (answer.ok) {
          ++background_answers;
        } else if (!stop) {
          ++failed;
          const std::scoped_lock lock(mutex);
          failure = answer.why;
          std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
      }
    });
  }
  if (!counter.empty() && others > 0) {
    threads.emplace_back([&] {
      bench::Caller metrics(person.port);
      while (!stop) {
        metrics.call(bench::http_request("/metrics", ""));
        computed.stands_at(sum_of(metrics.answer(), counter));
        // Not oftener: a page of metrics takes a processor for 2 ms, from the people too. What is
        // seen late at both ends is so by as much on average.
        std::this_thread::sleep_for(std::chrono::milliseconds(250));
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(warm_up));
  computed.restart();
  const auto begun = Clock::now();
  std::vector<std::thread> persons;
  for (int i = 0; i < people; ++i) {
    persons.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      while (!stop && answers < samples) {
        const Answer answer = ask_once(person, random, stop, computed);
        {
          const std::scoped_lock lock(mutex);
          if (answer.ok) {
            to_first.add(answer.first);
            if (answer.tokens > 1) per_token.add(answer.rest / (answer.tokens - 1));
          } else if (!stop) {
            ++failed;
            failure = answer.why;
          }
        }
        ++answers;
        std::this_thread::sleep_for(pause);
      }
    });
  }
  while (bench::seconds_since(begun) < seconds && (people == 0 || answers < samples)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const double took = bench::seconds_since(begun);
  const std::int64_t tokens = computed.count();
  const double token_seconds = computed.seconds();
  stop = true;
  for (std::thread& thread : persons) thread.join();
  for (std::thread& thread : threads) thread.join();

  std::cout << "{\"first\":{";
  to_first.print(std::cout);
  std::cout << ",\"all_us\":";
  to_first.print_all(std::cout);
  std::cout << "},\"per_token\":{";
  per_token.print(std::cout);
  std::cout << ",\"all_us\":";
  per_token.print_all(std::cout);
  std::cout << "},\"background_answers\":" << background_answers
            << ",\"background_tokens\":" << tokens << ",\"background_seconds\":" << token_seconds
            << ",\"seconds\":" << took << ",\"failed\":" << failed << "}\n";
  if (failed > 0) std::cerr << "the last failure: " << failure << '\n';
  return failed > 0 ? 1 : 0;
}
