// Small files that are there whole or not at all, and locks between processes. At the edge: these
// block, so they are for start-up, commands and threads of their own.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/time.h"

namespace sluice {

// The content; kNotFound where there is no file, kTooLarge where it has more than `most` bytes,
// kUnavailable where it cannot be read.
Result<std::string> read_file(const std::filesystem::path& file, std::size_t most);

// Replaces the file in one step: after a crash at any moment it has the old content or the new, and
// once this has returned the new one is on disk. For this user only (0600). What it is made from is
// FILE.new beside it, so two writers must exclude one another (FileLock).
Result<> write_file(const std::filesystem::path& file, std::string_view content);

// Held by one at a time over all processes (flock on a file that is made where it is missing and
// stays); released when it is destroyed, or when its process ends in whatever way.
class FileLock {
 public:
  // Tries for so long, then kUnavailable.
  static Result<FileLock> take(const std::filesystem::path& file, Duration longest);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// By what a change of a file shows without it being read. A file that was replaced by write_file()
// has another one.
struct FileStamp {
  std::uint64_t inode = 0;  // 0: there is no file
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  static FileStamp of(const std::filesystem::path& file);
  bool operator==(const FileStamp&) const = default;
};

}  // namespace sluice
