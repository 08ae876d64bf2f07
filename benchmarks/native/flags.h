#pragma once
// The command line of the benchmark tools: `--name value` pairs, and nothing else.

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

// Reads `--name value` pairs. Ends the process with a message on anything else, as a tool may.
class Flags {
 public:
  Flags(int argc, char** argv) {
    for (int i = 1; i < argc; i += 2) {
      std::string_view name = argv[i];
      if (!name.starts_with("--") || i + 1 == argc) fail("expected --name value at", name);
      pairs_.emplace_back(name.substr(2), argv[i + 1]);
    }
  }

  std::string text(std::string_view name, std::string fallback) const {
    for (const auto& [key, value] : pairs_) {
      if (key == name) return value;
    }
    return fallback;
  }

  std::string text(std::string_view name) const {
    for (const auto& [key, value] : pairs_) {
      if (key == name) return value;
    }
    fail("missing", "--" + std::string(name));
  }

  std::vector<std::string> texts(std::string_view name) const {
    std::vector<std::string> found;
    for (const auto& [key, value] : pairs_) {
      if (key == name) found.push_back(value);
    }
    return found;
  }

  double number(std::string_view name, double fallback) const {
    std::string value = text(name, "");
    if (value.empty()) return fallback;
    char* end = nullptr;
    double number = std::strtod(value.c_str(), &end);
    if (*end != '\0') fail("not a number:", value);
    return number;
  }

  [[noreturn]] static void fail(std::string_view what, std::string_view about) {
    std::cerr << what << ' ' << about << '\n';
    std::exit(2);
  }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace bench
