#include "sqlite/connection.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/format.h"

namespace sluice::sqlite {

namespace {

// How long a lock of another program (a shell, a backup tool) is waited for.
constexpr int kBusyTimeoutMs = 2000;
constexpr std::chrono::milliseconds kTryAgain{1000};

Error to_error(int status, const std::filesystem::path& file, std::string_view detail) {
  const std::string name = file.string();
  switch (status & 0xFF) {
    case SQLITE_FULL:
      return {ErrorCode::kUnavailable, formatted("{}: the disk is full; nothing was written", name),
              kTryAgain};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::kUnavailable, formatted("{} is locked by another program", name),
              kTryAgain};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return internal(formatted(
          "{} is damaged or no database ({}); it is left as it is: restore a backup in its place",
          name, detail));
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return {ErrorCode::kUnavailable, formatted("{} cannot be opened for this: {}", name, detail),
              kTryAgain};
    case SQLITE_IOERR:
      return {ErrorCode::kUnavailable, formatted("{}: reading or writing failed: {}", name, detail),
              kTryAgain};
    default:
      return internal(formatted("{}: {}", name, detail));
  }
}

}  // namespace

Statement::Statement(Connection& connection, std::string_view sql) : connection_(&connection) {
  if (connection.trouble()) return;
  sqlite3_stmt* made = nullptr;
  const int status =
      sqlite3_prepare_v3(connection.handle(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  statement_.reset(made);
  connection.note(status);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

bool Statement::bound(int status) {
  if (status != SQLITE_OK) connection_->note(status);
  return status == SQLITE_OK;
}
Statement& Statement::bind(int parameter, std::int64_t value) {
  bound(sqlite3_bind_int64(statement_.get(), parameter, value));
  return *this;
}
Statement& Statement::bind(int parameter, double value) {
  bound(sqlite3_bind_double(statement_.get(), parameter, value));
  return *this;
}
Statement& Statement::bind(int parameter, std::string_view text) {
  // A null pointer would be NULL, not the empty text.
  bound(sqlite3_bind_text64(statement_.get(), parameter, text.empty() ? "" : text.data(),
                            text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}
Statement& Statement::bind_blob(int parameter, std::span<const std::uint8_t> bytes) {
  return bind_blob(parameter, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
Statement& Statement::bind_blob(int parameter, std::string_view bytes) {
  bound(sqlite3_bind_blob64(statement_.get(), parameter, bytes.empty() ? "" : bytes.data(),
                            bytes.size(), SQLITE_STATIC));
  return *this;
}
Statement& Statement::bind_null(int parameter) {
  bound(sqlite3_bind_null(statement_.get(), parameter));
  return *this;
}
Statement& Statement::bind(int parameter, std::optional<std::int64_t> value) {
  return value ? bind(parameter, *value) : bind_null(parameter);
}

bool Statement::step() {
  if (!connection_->trouble()) {
    const int status = sqlite3_step(statement_.get());
    if (status == SQLITE_ROW) return true;
    if (status != SQLITE_DONE) connection_->note(status);
  }
  reset();
  return false;
}
std::int64_t Statement::run() {
  while (step()) {
  }
  return connection_->trouble() ? 0 : sqlite3_changes64(connection_->handle());
}
void Statement::reset() {
  sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}
double Statement::real(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}
std::string_view Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return {bytes == nullptr ? "" : bytes,
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}
std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  return {bytes == nullptr ? "" : bytes,
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

namespace {
// Before the first connection. Its count of memory, which nobody reads, would cost each allocation
// a lock that all connections share.
void set_up_library() {
  [[maybe_unused]] static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}
// SQLite would leave it to the umask. One that is there is not touched: to close a file gives up
// all locks that the process has on it.
void make_private(const std::filesystem::path& file) {
  if (file == ":memory:") return;  // no file, to SQLite
  const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
}
}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& file, Mode mode) {
  set_up_library();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (mode) {
    case Mode::kReadOnly:
      flags |= SQLITE_OPEN_READONLY;
      break;
    case Mode::kReadWrite:
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case Mode::kCreate:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
  }
  if (mode == Mode::kCreate) make_private(file);
  sqlite3* handle = nullptr;
  const int status = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(handle, file));
  if (status != SQLITE_OK) {
    const Error error = to_error(status, file, sqlite3_errstr(status));
    return fail(error);
  }
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // Reads the header, so that what is no database is told of here.
  if (auto read = connection->number("PRAGMA schema_version"); !read) return fail(read.error());
  return connection;
}

Connection::~Connection() {
  sqlite3_close_v2(handle_);
}

Error Connection::error_now() {
  const int status = sqlite3_extended_errcode(handle_);
  Error error = to_error(status, file_, sqlite3_errmsg(handle_));
  const int kind = status & 0xFF;
  if ((kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) && !damage_) damage_ = error;
  return error;
}
void Connection::note(int status) {
  if (status != SQLITE_OK && !trouble_) trouble_ = error_now();
}

Result<> Connection::run(std::string_view sql) {
  const std::string text(sql);
  if (sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(error_now());
  }
  return {};
}

Result<std::optional<std::int64_t>> Connection::number(std::string_view sql) {
  clear_trouble();
  Statement statement(*this, sql);
  std::optional<std::int64_t> value;
  if (statement.step()) value = statement.integer(0);
  if (trouble_) return fail(*std::exchange(trouble_, std::nullopt));
  return value;
}

void Connection::fold_log() {
  sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace sluice::sqlite
