#include "jobs/foreign_output.h"

#include "http/json/reader.h"
#include "http/json/writer.h"

namespace sluice::jobs {

std::string to_json_line(std::string_view bytes) {
  std::string line;
  if (json::Reader().parse_copy(bytes)) {
    // Of the text and not of what was read, so that numbers stay as they were written.
    line.resize(bytes.size() + json::kPadding);
    std::size_t length = 0;
    if (simdjson::minify(bytes.data(), bytes.size(), line.data(), length) == simdjson::SUCCESS) {
      line.resize(length);
      return line;
    }
    line.clear();
  }
  json::append_string(line, bytes);
  return line;
}

}  // namespace sluice::jobs
