// One connection, one request at a time: how long until the whole answer is here.
//
//   http_latency --url 8000/predict --body '{"data":[[5.1,3.5,1.4,0.2]]}' --seconds 2
//
// Several --url PORT/PATH are asked one after another, each on its own connection, and their sum is
// one duration: what a caller waits who asks in turn. Without --body it sends GET. Prints one line
// of JSON, with the last answer.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "flags.h"
#include "http_caller.h"
#include "http_text.h"
#include "sample.h"

namespace {

// One of the URLs: its connection, and the bytes that are sent over it again and again.
struct Asked {
  Asked(const bench::Url& url, const std::string& body)
      : caller(url.port), request(bench::http_request(url.path, body)) {}
  bench::Caller caller;
  std::string request;
};

}  // namespace

int main(int argc, char** argv) {
  bench::Flags flags(argc, argv);
  std::string body = flags.text("body", "");
  std::vector<std::unique_ptr<Asked>> all;
  for (const std::string& url : flags.texts("url")) {
    all.push_back(std::make_unique<Asked>(bench::Url(url), body));
  }
  if (all.empty()) bench::Flags::fail("missing", "--url");

  std::size_t bad = 0;
  auto ask_all = [&] {
    for (const auto& asked : all) {
      asked->caller.call(asked->request);
      if (!asked->caller.answered_well()) ++bad;
    }
  };
  auto warm_up = bench::Clock::now();
  while (bench::seconds_since(warm_up) < flags.number("warmup", 0.2)) ask_all();
  bad = 0;
  bench::Sample sample;
  auto start = bench::Clock::now();
  while (bench::seconds_since(start) < flags.number("seconds", 2)) {
    auto before = bench::Clock::now();
    ask_all();
    sample.add(bench::Clock::now() - before);
  }
  std::cout << '{';
  sample.print(std::cout);
  std::cout << ",\"errors\":" << bad
            << ",\"answer\":" << bench::quoted(bench::body_of(all.back()->caller.answer()))
            << "}\n";
  return 0;
}
