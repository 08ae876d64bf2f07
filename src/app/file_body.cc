#include "app/file_body.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace sluice::app {

namespace {

constexpr std::size_t kPart = 256 * 1024;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, CloseFile>;

Error trouble(const std::string& what) {
  return invalid(what + ": " + std::system_category().message(errno));
}

// The part that was read last is read once, however often it is asked for.
struct Reading {
  FilePtr file;
  std::array<char, kPart> part{};
  std::uint64_t begin = 0;
  std::size_t size = 0;

  std::string_view at(std::uint64_t offset) {
    if (offset < begin || offset >= begin + size) {
      begin = offset;
      size = 0;
      ssize_t got = 0;
      do {
        got = ::pread(::fileno(file.get()), part.data(), part.size(), static_cast<off_t>(offset));
      } while (got < 0 && errno == EINTR);
      if (got <= 0) return {};
      size = static_cast<std::size_t>(got);
    }
    return std::string_view(part.data(), size).substr(offset - begin);
  }
};

// A copy without a name, which goes with the process.
Result<FilePtr> copied(std::FILE* from, const std::string& name) {
  FilePtr to(std::tmpfile());
  if (!to) return fail(trouble("cannot keep a copy of " + name));
  std::array<char, 64 * 1024> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), from)) {
    if (std::fwrite(buffer.data(), 1, got, to.get()) != got) {
      return fail(trouble("cannot keep a copy of " + name));
    }
  }
  if (std::ferror(from) != 0) return fail(trouble("cannot read " + name));
  if (std::fflush(to.get()) != 0) return fail(trouble("cannot keep a copy of " + name));
  return to;
}

}  // namespace

Result<std::shared_ptr<const http::BodySource>> file_body(const std::string& name) {
  FilePtr file;
  if (name == "-") {
    file.reset(::fdopen(::dup(STDIN_FILENO), "rb"));
  } else {
    file.reset(std::fopen(name.c_str(), "rb"));
  }
  if (!file) return fail(trouble("cannot read " + name));
  struct stat facts{};
  if (::fstat(::fileno(file.get()), &facts) != 0) return fail(trouble("cannot read " + name));
  if (S_ISDIR(facts.st_mode)) return fail(invalid("cannot read " + name + ": it is a folder"));
  // Of standard input somebody may have read a part already.
  if (!S_ISREG(facts.st_mode) || name == "-") {
    auto copy = copied(file.get(), name);
    if (!copy) return fail(copy.error());
    file = std::move(*copy);
    if (::fstat(::fileno(file.get()), &facts) != 0) return fail(trouble("cannot read " + name));
  }
  auto reading = std::make_shared<Reading>();
  reading->file = std::move(file);
  return std::make_shared<const http::BodySource>(
      static_cast<std::uint64_t>(facts.st_size),
      [reading](std::uint64_t offset) { return reading->at(offset); });
}

}  // namespace sluice::app
