#include "telemetry/log_sink.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace sluice::telemetry {

namespace {

constexpr int kPollMs = 50;

bool is_regular(int descriptor) {
  struct stat info{};
  return fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
}

class DescriptorSink : public LogSink {
 public:
  explicit DescriptorSink(int descriptor)
      : descriptor_(descriptor), regular_(is_regular(descriptor)) {}

  bool write(std::string_view lines, const std::atomic<bool>& closing) override {
    while (!lines.empty()) {
      // poll promises room for PIPE_BUF bytes; a longer write to a pipe could block for good.
      const std::size_t slice =
          regular_ ? lines.size() : std::min<std::size_t>(lines.size(), PIPE_BUF);
      if (!regular_ && !wait_for_room(closing)) return false;
      const ssize_t written = ::write(descriptor_, lines.data(), slice);
      if (written >= 0) {
        lines.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR && errno != EAGAIN) {
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool is_terminal() const override { return isatty(descriptor_) == 1; }

 protected:
  void use(int descriptor) {
    descriptor_ = descriptor;
    regular_ = is_regular(descriptor);
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  [[nodiscard]] bool wait_for_room(const std::atomic<bool>& closing) const {
    while (true) {
      pollfd room{descriptor_, POLLOUT, 0};
      const int ready = poll(&room, 1, kPollMs);
      if (ready > 0) return (room.revents & POLLOUT) != 0;
      if (ready < 0 && errno != EINTR) return false;
      if (ready == 0 && closing.load(std::memory_order_relaxed)) return false;
    }
  }

  int descriptor_;
  bool regular_;
};

int open_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

class FileSink final : public DescriptorSink {
 public:
  FileSink(std::string path, int descriptor) : DescriptorSink(descriptor), path_(std::move(path)) {}
  ~FileSink() override { ::close(descriptor()); }

  bool write(std::string_view lines, const std::atomic<bool>& closing) override {
    if (reopen_.exchange(false)) {
      // Where the file cannot be opened anew, the old one is better than none.
      if (const int fresh = open_file(path_); fresh >= 0) {
        ::close(descriptor());
        use(fresh);
      }
    }
    return DescriptorSink::write(lines, closing);
  }
  void reopen() override { reopen_ = true; }

 private:
  std::string path_;
  std::atomic<bool> reopen_{false};
};

}  // namespace

Result<std::unique_ptr<LogSink>> open_log_sink(const std::string& output) {
  if (output == "stderr") return descriptor_sink(STDERR_FILENO);
  if (output == "stdout") return descriptor_sink(STDOUT_FILENO);
  const int descriptor = open_file(output);
  if (descriptor < 0) {
    return fail(invalid("cannot write the log to " + output + ": " +
                        std::generic_category().message(errno)));
  }
  return std::make_unique<FileSink>(output, descriptor);
}

std::unique_ptr<LogSink> descriptor_sink(int descriptor) {
  return std::make_unique<DescriptorSink>(descriptor);
}

}  // namespace sluice::telemetry
