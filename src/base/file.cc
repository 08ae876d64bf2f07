#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

#include "base/format.h"

namespace sluice {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;
constexpr std::chrono::milliseconds kLockRetry{5};

// A descriptor that is closed at the end of its block.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::unexpected<Error> failed(const fs::path& file, std::string_view what) {
  return fail(unavailable(formatted("{}: {}: {}", file.string(), what, std::strerror(errno))));
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const fs::path& file, std::size_t most) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return fail(not_found(file.string() + ": there is no such file"));
  if (!fd) return failed(file, "cannot be opened");
  std::string content;
  std::array<char, 16 * 1024> part;
  while (true) {
    const ssize_t got = ::read(fd.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(file, "cannot be read");
    if (got == 0) return content;
    content.append(part.data(), static_cast<std::size_t>(got));
    if (content.size() > most) {
      return fail(ErrorCode::kTooLarge, formatted("{}: longer than {} bytes", file.string(), most));
    }
  }
}

Result<> write_file(const fs::path& file, std::string_view content) {
  const fs::path next = file.string() + ".new";
  {
    const Descriptor fd(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly));
    if (!fd) return failed(next, "cannot be made");
    if (!write_all(fd.get(), content) || ::fsync(fd.get()) != 0) {
      const auto error = failed(next, "cannot be written");
      ::unlink(next.c_str());
      return error;
    }
  }
  if (std::rename(next.c_str(), file.c_str()) != 0) return failed(file, "cannot be replaced");
  // The name is on disk only when its folder is.
  const Descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return failed(file, "its folder cannot be synced");
  return {};
}

Result<FileLock> FileLock::take(const fs::path& file, Duration longest) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) return failed(file, "cannot be made");
  FileLock lock(fd);
  const auto until = std::chrono::steady_clock::now() + longest;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return failed(file, "cannot be locked");
    if (std::chrono::steady_clock::now() >= until) {
      return fail(unavailable(
          formatted("{}: another process holds it; try again when that is done", file.string())));
    }
    std::this_thread::sleep_for(kLockRetry);
  }
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

FileStamp FileStamp::of(const fs::path& file) {
  struct stat found{};
  if (::stat(file.c_str(), &found) != 0) return {};
  const auto ns = [](const timespec& t) { return t.tv_sec * 1'000'000'000LL + t.tv_nsec; };
  return {found.st_ino, static_cast<std::uint64_t>(found.st_size), ns(found.st_mtim),
          ns(found.st_ctim)};
}

}  // namespace sluice
