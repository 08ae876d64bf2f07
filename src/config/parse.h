// From the text of a configuration file to its tree.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "config/node.h"
#include "config/problems.h"
#include "config/substitute.h"

namespace sluice::config {

inline constexpr std::size_t kMaxFileBytes = 1UL << 20;
inline constexpr int kMaxDepth = 32;
// Keys with their values, and items of lists.
inline constexpr std::size_t kMaxNodes = 100'000;
inline constexpr std::size_t kMaxKeyBytes = 256;
// All values of one file together, after substitution.
inline constexpr std::size_t kMaxDocumentBytes = 4UL << 20;

// Reads YAML 1.2 (block and flow style, comments, quotes) and substitutes in every scalar that is
// not a key. Refused, each with its place: aliases and anchors, tags, keys that are not plain
// texts, duplicate keys, more than one document, what is over a bound. Every fault that leaves the
// rest readable is reported and the tree returned; without a tree the result is empty and
// `problems` says why. An empty text is an empty mapping.
//
// `file` is what messages call the text; relative paths in it start at the folder of `file`, so a
// text from memory can pretend to be a file.
std::optional<Node> parse(std::string_view text, const std::filesystem::path& file,
                          const Surroundings& surroundings, Problems& problems);

// The same of a file, read through `surroundings`.
std::optional<Node> parse_file(const std::filesystem::path& file, const Surroundings& surroundings,
                               Problems& problems);

}  // namespace sluice::config
