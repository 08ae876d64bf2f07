// One connection to an SQLite database, and its prepared statements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::sqlite {

class Connection;

// A prepared statement: bind, step, read, and again. Belongs to its connection, which outlives it;
// one thread.
//
//   find.bind(1, id);
//   while (find.step()) use(find.integer(0));   // at the end it is reset by itself
//
// What goes wrong is kept by the connection (Connection::trouble()), so that a row of statements
// need not be asked one by one: after the first trouble they all do nothing.
class Statement {
 public:
  Statement() = default;
  Statement(Connection& connection, std::string_view sql);

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, double value);
  // Not copied: they must stay until the statement is reset.
  Statement& bind(int parameter, std::string_view text);
  Statement& bind_blob(int parameter, std::span<const std::uint8_t> bytes);
  Statement& bind_blob(int parameter, std::string_view bytes);
  Statement& bind_null(int parameter);
  Statement& bind(int parameter, std::optional<std::int64_t> value);

  // True: there is a row. False: it is through, or in trouble; it has been reset.
  bool step();
  // For what gives no rows. How many rows it changed.
  std::int64_t run();
  void reset();

  // Of the row; the views live until the next step or reset.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::string_view blob(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  bool bound(int status);

  Connection* connection_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One thread at a time.
class Connection {
 public:
  enum class Mode : std::uint8_t { kReadOnly, kReadWrite, kCreate };

  // Fails with kUnavailable for a file that cannot be opened or is locked, kInternal for one that
  // is no database or is damaged: such a file is left as it is. One that is made can be read by
  // nobody but the process's user, and so can those that SQLite lays beside it.
  static Result<std::unique_ptr<Connection>> open(const std::filesystem::path& file, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Statements without parameters or rows, several at a time.
  Result<> run(std::string_view sql);
  // One number from one row; none where there is no row.
  Result<std::optional<std::int64_t>> number(std::string_view sql);
  // Folds the log of changes into the database, as far as nobody reads an older state; waits for
  // nobody. By any connection that may write.
  void fold_log();

  // The first thing that went wrong since clear_trouble(), in words for a person. kUnavailable for
  // what may pass (a full disk, a lock), kInternal for what needs one (a damaged file).
  [[nodiscard]] const std::optional<Error>& trouble() const { return trouble_; }
  void clear_trouble() { trouble_.reset(); }
  // That the file is damaged, if it was found to be since this was asked the last time.
  [[nodiscard]] std::optional<Error> take_damage() { return std::exchange(damage_, std::nullopt); }

  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  [[nodiscard]] sqlite3* handle() const { return handle_; }

 private:
  friend class Statement;
  Connection(sqlite3* handle, std::filesystem::path file)
      : handle_(handle), file_(std::move(file)) {}
  Error error_now();
  void note(int status);

  sqlite3* handle_;
  std::filesystem::path file_;
  std::optional<Error> trouble_;
  std::optional<Error> damage_;
};

}  // namespace sluice::sqlite
