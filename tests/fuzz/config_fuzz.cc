// Any text is a configuration or a list of problems; never a crash, never an endless reading. What
// was read without a problem prints as a text that reads back to the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/testing_options.h"

namespace {

using namespace sluice::config;

// A few variables and one file, so that inputs can reach them.
Surroundings surroundings() {
  return {[](const std::string& name) -> std::optional<std::string> {
            if (name == "PORT") return "8000";
            if (name == "EMPTY") return "";
            if (name == "KEY") return "hunter2";
            return std::nullopt;
          },
          [](const std::filesystem::path& path, std::size_t) -> sluice::Result<std::string> {
            if (path.filename() == "key") return "from-a-file\n";
            return sluice::fail(sluice::not_found("there is no such file"));
          }};
}

std::optional<testing::Root> read_all(std::string_view text, std::string& problems) {
  Problems found;
  std::optional<testing::Root> root;
  if (const auto node = parse(text, "/etc/sluice.yaml", surroundings(), found)) {
    root = read<testing::Root>(*node, found);
  } else if (found.empty()) {
    std::abort();
  }
  problems = found.to_string();
  if (!found.empty()) root.reset();
  return root;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string problems;
  auto root = read_all(text, problems);
  if (!root) return 0;
  to_json(*root);

  // What is hidden on printing cannot read back to the same.
  root->saved = {};
  root->tree = {};
  const std::string printed = to_yaml(*root);
  const auto again = read_all(printed, problems);
  if (!again) {
    std::fprintf(stderr, "what was printed does not read back:\n%s\n%s\n", printed.c_str(),
                 problems.c_str());
    std::abort();
  }
  if (to_yaml(*again) != printed) {
    std::fprintf(stderr, "what was printed reads back to something else:\n%s\n%s\n",
                 printed.c_str(), to_yaml(*again).c_str());
    std::abort();
  }
  return 0;
}
