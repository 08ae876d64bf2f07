// SQLite alone, doing what a store of jobs asks of it when jobs are handed in: rows into the same
// tables, so many a commit, each commit on disk before the next.
//
//   sqlite_jobs --like store.db --file new.db --rows_per_commit 64 --seconds 2
//   sqlite_jobs --like store.db --file new.db --rows_per_commit 10000 --rows 1000000
//
// The schema, the size of a page and the values of the rows are those of the store `like`, which
// must hold a job that has not ended and may be in use; only ids and the order differ from row to
// row. Write-ahead log, synchronous=FULL, and, as with the store, a second thread folds the log
// into the file four times a second. --file is made anew. Prints one line of JSON: rows a second,
// and how long a commit took from BEGIN on, its inserts included.

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "flags.h"
#include "sample.h"

namespace {

struct Close {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  void operator()(sqlite3_value* value) const { sqlite3_value_free(value); }
};
using Database = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Close>;
using Value = std::unique_ptr<sqlite3_value, Close>;

void must(sqlite3* database, bool held, std::string_view what) {
  if (!held) bench::Flags::fail(what, sqlite3_errmsg(database));
}

Database open(const std::string& file, int mode) {
  sqlite3* opened = nullptr;
  const int status = sqlite3_open_v2(file.c_str(), &opened, mode | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(opened);
  must(opened, status == SQLITE_OK, file);
  sqlite3_busy_timeout(opened, 5000);
  return database;
}

void run(sqlite3* database, const std::string& sql) {
  must(database, sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, sql);
}

Statement prepare(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  must(database, sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK,
       sql);
  return Statement(statement);
}

std::string text_of(sqlite3_stmt* row, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  return text == nullptr ? "" : text;
}

// A row of another database, to be inserted again and again.
class Pattern {
 public:
  Pattern(sqlite3* from, sqlite3* into, const std::string& table) {
    // A job that has not ended, since it has its input.
    const Statement row =
        prepare(from, "SELECT * FROM " + table + " WHERE seq = (SELECT max(seq) FROM inputs)");
    must(from, sqlite3_step(row.get()) == SQLITE_ROW, "no row to be like in " + table + ":");
    std::string marks;
    for (int i = 0; i < sqlite3_column_count(row.get()); ++i) {
      names_.emplace_back(sqlite3_column_name(row.get(), i));
      values_.emplace_back(sqlite3_value_dup(sqlite3_column_value(row.get(), i)));
      marks += i == 0 ? "?" : ", ?";
    }
    insert_ = prepare(into, "INSERT INTO " + table + " VALUES (" + marks + ")");
  }

  int column(std::string_view name) const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) return static_cast<int>(i) + 1;
    }
    bench::Flags::fail("no column", name);
  }
  sqlite3_stmt* statement() const { return insert_.get(); }

  // All values as a program binds them that has them anew for each row.
  void bind() const {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      sqlite3_bind_value(insert_.get(), static_cast<int>(i) + 1, values_[i].get());
    }
  }
  void insert(sqlite3* into) const {
    must(into, sqlite3_step(insert_.get()) == SQLITE_DONE, "INSERT:");
    sqlite3_reset(insert_.get());
  }

 private:
  std::vector<std::string> names_;
  std::vector<Value> values_;
  Statement insert_;
};

void copy_schema(sqlite3* from, sqlite3* into) {
  const Statement size = prepare(from, "PRAGMA page_size");
  must(from, sqlite3_step(size.get()) == SQLITE_ROW, "PRAGMA page_size:");
  run(into, "PRAGMA page_size = " + text_of(size.get(), 0));
  run(into, "PRAGMA journal_mode = WAL");
  run(into, "PRAGMA synchronous = FULL");
  run(into, "PRAGMA wal_autocheckpoint = 0");
  run(into, "PRAGMA cache_size = -16384");
  for (const char* pragma : {"application_id", "user_version"}) {
    const Statement value = prepare(from, std::string("PRAGMA ") + pragma);
    must(from, sqlite3_step(value.get()) == SQLITE_ROW, pragma);
    run(into, std::string("PRAGMA ") + pragma + " = " + text_of(value.get(), 0));
  }
  const Statement made =
      prepare(from, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid");
  while (sqlite3_step(made.get()) == SQLITE_ROW) run(into, text_of(made.get(), 0));
}

class Jobs {
 public:
  Jobs(sqlite3* from, sqlite3* into)
      : into_(into),
        job_(from, into, "jobs"),
        input_(from, into, "inputs"),
        row_(job_.column("seq")),
        id_(job_.column("id")),
        input_row_(input_.column("seq")) {}

  void insert() {
    ++count_;
    // In order of time, as a UUIDv7 is: the milliseconds, then a number.
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    std::array<std::uint8_t, 16> id{};
    for (int i = 0; i < 6; ++i) id[5 - i] = static_cast<std::uint8_t>(now >> (8 * i));
    for (int i = 0; i < 8; ++i) id[15 - i] = static_cast<std::uint8_t>(count_ >> (8 * i));
    id[6] = 0x70;
    job_.bind();
    sqlite3_bind_int64(job_.statement(), row_, count_);
    sqlite3_bind_blob(job_.statement(), id_, id.data(), id.size(), SQLITE_STATIC);
    job_.insert(into_);
    input_.bind();
    sqlite3_bind_int64(input_.statement(), input_row_, count_);
    input_.insert(into_);
  }
  std::int64_t count() const { return count_; }

 private:
  sqlite3* into_;
  Pattern job_;
  Pattern input_;
  int row_;
  int id_;
  int input_row_;
  std::int64_t count_ = 0;
};

// Folds the log of a file, on its own connection and thread, until it goes.
class Folder {
 public:
  explicit Folder(const std::string& file)
      : database_(open(file, SQLITE_OPEN_READWRITE)), thread_([this] { fold(); }) {}
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    stopping_ = true;
    thread_.join();
  }

 private:
  void fold() {
    while (!stopping_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(250));
      sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                                nullptr);
    }
  }

  Database database_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::Flags flags(argc, argv);
  const std::string file = flags.text("file");
  const auto per_commit = static_cast<std::int64_t>(flags.number("rows_per_commit", 64));
  const auto rows = static_cast<std::int64_t>(flags.number("rows", 0));
  const double seconds = flags.number("seconds", 2);
  for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove(file + part);

  bench::Sample commits;
  double took = 0;
  std::int64_t count = 0;
  {
    const Database like = open(flags.text("like"), SQLITE_OPEN_READONLY);
    const Database database = open(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    copy_schema(like.get(), database.get());
    Jobs jobs(like.get(), database.get());
    const Folder folder(file);
    const Statement begin = prepare(database.get(), "BEGIN IMMEDIATE");
    const Statement commit = prepare(database.get(), "COMMIT");
    auto step = [&](const Statement& statement) {
      must(database.get(), sqlite3_step(statement.get()) == SQLITE_DONE, "a transaction:");
      sqlite3_reset(statement.get());
    };
    auto start = bench::Clock::now();
    while (rows > 0 ? jobs.count() < rows : bench::seconds_since(start) < seconds) {
      auto before = bench::Clock::now();
      step(begin);
      for (std::int64_t i = 0; i < per_commit; ++i) jobs.insert();
      step(commit);
      commits.add(bench::Clock::now() - before);
    }
    took = bench::seconds_since(start);
    count = jobs.count();
  }
  std::cout << "{\"rows\":" << count << ",\"seconds\":" << took
            << ",\"rows_per_second\":" << static_cast<double>(count) / took << ',';
  commits.print(std::cout);
  std::cout << "}\n";
  return 0;
}
