#include "backends/generation_wire/whole_answer.h"

#include "backends/generation_wire/error.h"
#include "base/format.h"
#include "http/json/reader.h"

namespace sluice::generation_wire {

Result<> WholeAnswer::feed(std::string_view bytes, std::vector<TextPart>&) {
  body_ += bytes;
  if (body_.size() <= most_) return {};
  return fail(unreadable(formatted("it is over {} bytes", most_)));
}

Result<Answer> WholeAnswer::end(std::vector<TextPart>&) {
  json::Reader reader;
  const auto root = reader.parse_copy(body_);
  if (!root) return fail(unreadable(root.error().message));
  if (auto error = error_in(*root)) return fail(std::move(*error));
  return read_(*root);
}

}  // namespace sluice::generation_wire
