#include "sqlite/backup.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <memory>

#include "base/format.h"

namespace sluice::sqlite {

namespace {

// Pages of one step; between steps others may write.
constexpr int kPagesPerStep = 1024;
constexpr int kMostTries = 500;

struct FinishBackup {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

Result<> sync_to_disk(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!done) return fail(unavailable(formatted("{} could not be synced", path.string())));
  return {};
}

}  // namespace

Result<> back_up(Connection& from, const std::filesystem::path& to, const Progress& progress) {
  std::error_code error;
  if (std::filesystem::exists(to, error)) {
    return fail(ErrorCode::kConflict, formatted("{} is there already", to.string()));
  }
  std::filesystem::path partial = to;
  partial += ".partial";
  std::filesystem::remove(partial, error);
  {
    auto target = Connection::open(partial, Connection::Mode::kCreate);
    if (!target) return fail(target.error());
    const std::unique_ptr<sqlite3_backup, FinishBackup> backup(
        sqlite3_backup_init((*target)->handle(), "main", from.handle(), "main"));
    if (!backup) return fail(internal(sqlite3_errmsg((*target)->handle())));
    int status = SQLITE_OK;
    while (status == SQLITE_OK || status == SQLITE_BUSY || status == SQLITE_LOCKED) {
      status = sqlite3_backup_step(backup.get(), kPagesPerStep);
      const int all = sqlite3_backup_pagecount(backup.get());
      if (progress) progress(all - sqlite3_backup_remaining(backup.get()), all);
      if (status == SQLITE_BUSY || status == SQLITE_LOCKED) sqlite3_sleep(10);
    }
    if (status != SQLITE_DONE) {
      std::filesystem::remove(partial, error);
      return fail(unavailable(
          formatted("the backup to {} failed: {}", to.string(), sqlite3_errstr(status))));
    }
  }
  if (auto ok = sync_to_disk(partial); !ok) return ok;
  std::filesystem::rename(partial, to, error);
  if (error) return fail(unavailable(formatted("{}: {}", to.string(), error.message())));
  return sync_to_disk(to.has_parent_path() ? to.parent_path() : ".");
}

Result<> overwrite(Connection& into, Connection& from) {
  std::unique_ptr<sqlite3_backup, FinishBackup> backup(
      sqlite3_backup_init(into.handle(), "main", from.handle(), "main"));
  if (!backup) return fail(internal(sqlite3_errmsg(into.handle())));
  int status = SQLITE_OK;
  // A checkpoint may hold the lock for a moment.
  for (int tries = 0; tries < kMostTries; ++tries) {
    status = sqlite3_backup_step(backup.get(), -1);
    if (status != SQLITE_BUSY && status != SQLITE_LOCKED) break;
    sqlite3_sleep(10);
  }
  if (status == SQLITE_DONE) status = sqlite3_backup_finish(backup.release());
  if (status != SQLITE_OK) {
    return fail(unavailable(formatted("{} could not be written over: {}", into.file().string(),
                                      sqlite3_errstr(status))));
  }
  return {};
}

Result<> verify(Connection& connection) {
  connection.clear_trouble();
  Statement check(connection, "PRAGMA integrity_check(1)");
  const std::string found = check.step() ? std::string(check.text(0)) : std::string();
  check.reset();
  if (connection.trouble()) return fail(*connection.trouble());
  if (found != "ok") {
    return fail(internal(formatted("{} is damaged: {}", connection.file().string(), found)));
  }
  return {};
}

}  // namespace sluice::sqlite
