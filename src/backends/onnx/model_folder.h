// Which versions of a model lie on disk, and whether a file is still the one that was read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>

#include "base/result.h"

namespace sluice::onnx {

using VersionNumber = std::int64_t;
// The version of a model that is a file of its own.
inline constexpr VersionNumber kOnlyVersion = 1;
// Of one model; more is refused, as a folder that holds something else.
inline constexpr std::size_t kMaxVersions = 256;

// Tells one content of a path from the next without reading it: a file that is written anew or
// renamed over differs in at least one of these.
struct FileStamp {
  std::int64_t modified_ns = 0;
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;
};

struct VersionFile {
  std::filesystem::path file;
  FileStamp stamp;
};
using VersionFiles = std::map<VersionNumber, VersionFile>;

// A file is version 1. A folder holds `<version>/model.onnx` for any number of positive integers;
// other entries are passed over. kNotFound where the path is nothing, or no version is in it.
Result<VersionFiles> find_versions(const std::filesystem::path& path);

}  // namespace sluice::onnx
