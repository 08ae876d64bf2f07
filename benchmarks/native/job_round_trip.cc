// One caller hands a job in and waits for its result, one job at a time.
//
//   job_round_trip --url 8080/v1/jobs --body '{"callable": .., "input": ..}' --seconds 2
//
// A round trip is POST to the URL, which answers {"id": .., ..}, and GET URL/ID?wait=10s, which
// answers once the job has ended; both on one connection. Prints one line of JSON. An answer that
// is not of a completed job ends the tool with it.

#include <iostream>
#include <string>

#include "flags.h"
#include "http_caller.h"
#include "sample.h"

namespace {

// The text of the field `name` that stands first in a body.
std::string field_of(std::string_view body, std::string_view name) {
  std::string key = '"' + std::string(name) + "\":\"";
  std::size_t begin = body.find(key);
  if (begin == std::string_view::npos) return {};
  begin += key.size();
  return std::string(body.substr(begin, body.find('"', begin) - begin));
}

}  // namespace

int main(int argc, char** argv) {
  bench::Flags flags(argc, argv);
  bench::Url url(flags.text("url"));
  std::string submission = bench::http_request(url.path, flags.text("body"));
  bench::Caller caller(url.port);
  bench::Sample submitted;
  bench::Sample ended;
  auto round_trip = [&] {
    auto before = bench::Clock::now();
    caller.call(submission);
    std::string id = field_of(bench::body_of(caller.answer()), "id");
    if (!caller.answered_well() || id.empty()) bench::Flags::fail("answered", caller.answer());
    submitted.add(bench::Clock::now() - before);
    caller.call(bench::http_request(url.path + '/' + id + "?wait=10s", ""));
    if (field_of(bench::body_of(caller.answer()), "status") != "completed") {
      bench::Flags::fail("answered", caller.answer());
    }
    ended.add(bench::Clock::now() - before);
  };
  auto warm_up = bench::Clock::now();
  while (bench::seconds_since(warm_up) < flags.number("warmup", 0.2)) round_trip();
  submitted = {};
  ended = {};
  auto start = bench::Clock::now();
  while (bench::seconds_since(start) < flags.number("seconds", 2)) round_trip();
  std::cout << '{';
  ended.print(std::cout);
  std::cout << ",\"submit\":{";
  submitted.print(std::cout);
  std::cout << "}}\n";
  return 0;
}
