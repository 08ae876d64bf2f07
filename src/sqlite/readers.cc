#include "sqlite/readers.h"

#include <sqlite3.h>

namespace sluice::sqlite {

void checkpoint(Connection& connection) {
  sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                            nullptr);
}

}  // namespace sluice::sqlite
