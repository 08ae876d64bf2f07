#include "api/admin/backups.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "api/admin/key_check.h"
#include "base/entropy.h"
#include "base/format.h"

namespace sluice::admin {

namespace {

constexpr http::ExchangeLabels kLabels{.api = "admin", .callable = "none"};
constexpr std::size_t kPiece = 256 * 1024;

// A file in the state folder that goes with this object.
class Scratch {
 public:
  explicit Scratch(const std::filesystem::path& folder)
      : path_(folder / formatted("jobs-{:016x}.tmp", entropy())) {}
  ~Scratch() {
    if (fd_ >= 0) ::close(fd_);
    std::error_code ignored;
    for (const char* end : {"", "-wal", "-shm", "-journal"}) {
      std::filesystem::remove(path_.string() + end, ignored);
    }
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  Result<> open(int flags) {
    fd_ = ::open(path_.c_str(), flags | O_CLOEXEC, 0600);
    return fd_ >= 0 ? Result<>() : trouble();
  }
  Result<> write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return trouble();
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }
  // Empty at the end.
  [[nodiscard]] Result<std::string_view> read(std::array<char, kPiece>& piece) const {
    const ssize_t got = ::read(fd_, piece.data(), piece.size());
    if (got < 0) return fail(trouble().error());
    return std::string_view(piece.data(), static_cast<std::size_t>(got));
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  [[nodiscard]] Result<> trouble() const {
    return fail(
        unavailable(formatted("{}: {}", path_.string(), std::generic_category().message(errno))));
  }
  std::filesystem::path path_;
  int fd_ = -1;
};

// Attached to its exchange, and used on that one's loop only.
class Backup {
 public:
  Backup(http::Exchange& exchange, const jobs::Desk& desk)
      : exchange_(exchange), desk_(desk), scratch_(desk.folder) {}
  void start() {
    desk_.store.backups()->back_up(exchange_.loop(), scratch_.path(), [this](Result<> done) {
      if (done) done = scratch_.open(O_RDONLY);
      if (!done) return http::respond_problem(exchange_, done.error());
      exchange_.start_stream({200, "application/vnd.sqlite3", nullptr});
      next();
    });
  }

 private:
  // One piece a turn, so that others have theirs.
  void next() {
    const auto piece = scratch_.read(piece_);
    // Of what cannot be read the receiver learns when it looks whether the copy is sound.
    if (!piece || piece->empty() || exchange_.cancelled()) {
      return exchange_.loop().post([&exchange = exchange_] { exchange.end_stream(); });
    }
    if (exchange_.write_stream(*piece)) {
      exchange_.loop().post([this] { next(); });
    } else {
      exchange_.on_writable([this] { next(); });
    }
  }
  http::Exchange& exchange_;
  const jobs::Desk& desk_;
  Scratch scratch_;
  std::array<char, kPiece> piece_{};
};

class Restore final : public http::BodySink {
 public:
  Restore(http::Exchange& exchange, const jobs::Desk& desk)
      : exchange_(exchange), desk_(desk), scratch_(desk.folder) {}
  void start() {
    if (auto ok = scratch_.open(O_CREAT | O_EXCL | O_WRONLY); !ok) {
      return http::respond_problem(exchange_, ok.error());
    }
    // One that breaks off changes nothing.
    exchange_.on_cancel([this] { exchange_.respond(499, {}, {}); });
    exchange_.stream_body(*this);
  }
  bool on_part(std::string_view part) override {
    const auto written = scratch_.write(part);
    if (!written) http::respond_problem(exchange_, written.error());
    return written.has_value();
  }
  void on_end() override {
    exchange_.on_cancel(nullptr);
    desk_.store.backups()->restore(exchange_.loop(), scratch_.path(), [this](Result<> done) {
      if (!done) return http::respond_problem(exchange_, done.error());
      exchange_.respond(200, "application/json", R"({"status":"ok"})");
    });
  }
  void on_broken(int status, const Error& why) override {
    http::respond_problem(exchange_, status, why);
  }

 private:
  http::Exchange& exchange_;
  const jobs::Desk& desk_;
  Scratch scratch_;
};

class BackupFace {
 public:
  BackupFace(std::string key, const jobs::Desk& desk) : key_(std::move(key)), desk_(desk) {}
  void back_up(http::Exchange& exchange) {
    if (allowed(exchange)) exchange.attach<Backup>(exchange, desk_).start();
  }
  void restore(http::Exchange& exchange) {
    if (allowed(exchange)) exchange.attach<Restore>(exchange, desk_).start();
  }

 private:
  bool allowed(http::Exchange& exchange) const {
    if (!shows_key(exchange, key_)) return false;
    if (auto ready = desk_.store.ready(); desk_.store.backups() == nullptr) {
      http::respond_problem(
          exchange, ready ? unavailable("the store of this server is no file of its own; back it "
                                        "up with its own tools")
                          : ready.error());
      return false;
    }
    return true;
  }
  std::string key_;
  jobs::Desk desk_;
};

}  // namespace

Result<std::shared_ptr<const void>> add_backups(http::Router& router, const std::string& prefix,
                                                std::string key, const jobs::Desk& desk) {
  auto face = std::make_shared<BackupFace>(std::move(key), desk);
  // All tenants' jobs are in it.
  auto ok = router.add({http::Method::kPost, prefix + "/admin/jobs/backup",
                        [f = face.get()](http::Exchange& x) { f->back_up(x); }, kLabels, false,
                        Scope::kAdmin});
  if (!ok) return fail(ok.error());
  http::Route restore{http::Method::kPost, prefix + "/admin/jobs/restore",
                      [f = face.get()](http::Exchange& x) { f->restore(x); }, kLabels};
  restore.streams_body = true;
  restore.scope = Scope::kAdmin;
  if (ok = router.add(std::move(restore)); !ok) return fail(ok.error());
  return face;
}

}  // namespace sluice::admin
