// How a claimed job is run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "inference/callable.h"
#include "jobs/store.h"
#include "runtime/cancel.h"

namespace sluice::jobs {

// One attempt.
struct Attempt {
  Executor* home = nullptr;
  const Claimed* claimed = nullptr;  // stays until `done` has been called
  Deadline deadline;
  ServiceClass service_class = ServiceClass::kBestEffort;
};

// What came of it.
struct RunOutput {
  std::string bytes;
  // What the log says of it: the action, and the result in a word where there is one.
  std::string_view action = "job_completed";
  std::string summary;
};

// Runs jobs on one home thread, and is called from there only.
class Runner {
 public:
  virtual ~Runner() = default;
  using Done = std::move_only_function<void(Result<RunOutput> output)>;
  // Its output, or why there is none: exactly once, on the home thread, perhaps before run()
  // returns, and also after a cancellation.
  virtual CancelHandle run(const Attempt& attempt, Done done) = 0;
};

// What there is of an output while its call goes on and gives parts. One thread.
class PartialOutput {
 public:
  virtual ~PartialOutput() = default;
  virtual void add(const Part& part) = 0;
  // By now: JSON of at most kMaxPartialBytes, and how far the call is where that can be told.
  [[nodiscard]] virtual Progress so_far() = 0;
};

// Between a job's bytes and calls: what a format means. One thread.
class Codec {
 public:
  virtual ~Codec() = default;
  // kInvalid where it could never be run: checked when a job is handed in, too.
  virtual Result<Request> decode(std::string_view input, const Description& callable) = 0;
  // Makes a request that was decoded ask for parts, and takes them. Null where there are none: then
  // the request is as it was.
  virtual std::unique_ptr<PartialOutput> follow(Request& /*request*/) { return nullptr; }
  // Of the kind that was asked for. `job` is its id: what names the answer is made of it, so that
  // it is the answer's alone.
  virtual Result<RunOutput> encode(const Response& response, const Description& callable,
                                   std::string_view job) = 0;
};

// By format: "infer/1", ... A thread makes those that it uses.
using CodecMakers = std::map<std::string, std::function<std::unique_ptr<Codec>()>, std::less<>>;
class Codecs {
 public:
  explicit Codecs(const CodecMakers& makers) : makers_(makers) {}
  // Null for a format that nobody knows.
  Codec* find(std::string_view format);

 private:
  const CodecMakers& makers_;
  std::map<std::string, std::unique_ptr<Codec>, std::less<>> made_;
};

}  // namespace sluice::jobs
