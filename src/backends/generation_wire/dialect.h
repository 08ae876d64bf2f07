// What one protocol of language models has to say for itself; the rest is the same for all.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/request.h"

namespace sluice::generation_wire {

// A request as it goes to an engine, by POST.
struct WireCall {
  std::string path;  // behind the engine's own
  std::string body;  // JSON
};

struct Answer {
  Response response;   // without the model's name
  bool timed = false;  // the engine told its times
};

// Reads one answer (of status 2xx) as its bytes come. One thread. Errors are kInternal with what
// cannot be read, kUnavailable where the end is missing, or what the engine said in the middle of
// its answer (mapped as error.h has it).
class AnswerReader {
 public:
  virtual ~AnswerReader() = default;
  // Appends the parts that are whole by now.
  virtual Result<> feed(std::string_view bytes, std::vector<TextPart>& parts) = 0;
  // Has the engine begun to answer: a token, be it of a text, a thought or a tool's call?
  [[nodiscard]] virtual bool started() const = 0;
  // How many events (of a stream) came; comments and blank lines, which proxies send to keep a
  // connection open, are none.
  [[nodiscard]] virtual std::size_t heard() const = 0;
  // Has the engine said that this is all? Then nothing more is fed.
  [[nodiscard]] virtual bool complete() const = 0;
  // Once, when no more bytes will come.
  virtual Result<Answer> end(std::vector<TextPart>& parts) = 0;
};

// Stateless; safe from any thread.
class Dialect {
 public:
  virtual ~Dialect() = default;
  [[nodiscard]] virtual std::string_view platform() const = 0;
  // kInvalid for what the engine cannot be asked, with the reason.
  [[nodiscard]] virtual Result<WireCall> write(const Request& request) const = 0;
  // `stream`: by its content type the answer comes in parts; else it is one JSON text.
  [[nodiscard]] virtual std::unique_ptr<AnswerReader> read(const Request& request,
                                                           bool stream) const = 0;

  // What to GET to know which models an engine has, and which it has in memory (empty: it does not
  // tell); and whether such an answer names ours. kInternal for what is no such answer.
  [[nodiscard]] virtual std::string models_path() const = 0;
  [[nodiscard]] virtual std::string loaded_path() const = 0;
  [[nodiscard]] virtual Result<bool> names_model(std::string_view body) const = 0;
};

}  // namespace sluice::generation_wire
