#include "backends/onnx/model_folder.h"

#include <sys/stat.h>

#include <charconv>
#include <optional>
#include <string>
#include <system_error>

#include "base/format.h"

namespace sluice::onnx {

namespace {

constexpr std::string_view kFileName = "model.onnx";

std::optional<FileStamp> stamp_of(const std::filesystem::path& file) {
  struct stat found{};
  if (::stat(file.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
  return FileStamp{
      std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + std::int64_t{found.st_mtim.tv_nsec},
      static_cast<std::uint64_t>(found.st_size), static_cast<std::uint64_t>(found.st_ino)};
}

std::optional<VersionNumber> version_of(const std::string& name) {
  VersionNumber number = 0;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data(), end, number);
  // "01" is not "1" written otherwise: two folders must not be one version.
  if (error != std::errc() || at != end || number <= 0 || name.front() == '0') return std::nullopt;
  return number;
}

}  // namespace

Result<VersionFiles> find_versions(const std::filesystem::path& path) {
  VersionFiles versions;
  if (const auto stamp = stamp_of(path)) {
    versions[kOnlyVersion] = {path, *stamp};
    return versions;
  }
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    return fail(not_found(formatted("{}: there is no such file or folder", path.string())));
  }
  std::filesystem::directory_iterator entries(path, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const auto version = version_of(entries->path().filename().string());
    if (!version) continue;
    const std::filesystem::path file = entries->path() / kFileName;
    const auto stamp = stamp_of(file);
    if (!stamp) continue;
    if (versions.size() == kMaxVersions) {
      return fail(
          invalid(formatted("{}: holds more than {} versions", path.string(), kMaxVersions)));
    }
    versions[*version] = {file, *stamp};
  }
  if (error) return fail(unavailable(formatted("{}: {}", path.string(), error.message())));
  if (versions.empty()) {
    return fail(not_found(formatted("{}: holds no version of a model (1/{}, 2/{}, ..)",
                                    path.string(), kFileName, kFileName)));
  }
  return versions;
}

}  // namespace sluice::onnx
