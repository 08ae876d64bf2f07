// An answer that comes as one JSON text. In .cc files only: it names simdjson.
#pragma once

#include <simdjson.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/generation_wire/dialect.h"

namespace sluice::generation_wire {

// Gathers at most so many bytes, and has them read at the end: a JSON text that is no error of the
// engine's.
class WholeAnswer final : public AnswerReader {
 public:
  using Read = std::function<Result<Answer>(const simdjson::dom::element& root)>;
  WholeAnswer(std::size_t max_bytes, Read read) : most_(max_bytes), read_(std::move(read)) {}

  Result<> feed(std::string_view bytes, std::vector<TextPart>& parts) override;
  // What has no parts has no beginning.
  [[nodiscard]] bool started() const override { return false; }
  [[nodiscard]] std::size_t heard() const override { return 0; }
  [[nodiscard]] bool complete() const override { return false; }
  Result<Answer> end(std::vector<TextPart>& parts) override;

 private:
  const std::size_t most_;
  const Read read_;
  std::string body_;
};

}  // namespace sluice::generation_wire
