#include "jobs/batch_keys.h"

namespace sluice::jobs {

BatchKeys::BatchKeys(sqlite::Connection& c)
    : find_(c,
            "SELECT k.batch, b.state = 0, k.digest FROM batch_keys k JOIN batches b ON b.id = "
            "k.batch WHERE k.owner = ? AND k.key = ?"),
      put_(c,
           "INSERT OR REPLACE INTO batch_keys (owner, key, batch, digest) VALUES (?, ?, ?, x'')"),
      seal_(c, "UPDATE batch_keys SET digest = ? WHERE batch = ?"),
      drop_(c, "DELETE FROM batch_keys WHERE batch = ?") {}

std::optional<BatchKeys::Known> BatchKeys::find(std::string_view owner, std::string_view key) {
  std::optional<Known> known;
  find_.bind(1, owner).bind(2, key);
  if (find_.step()) {
    known = {std::string(find_.text(0)), find_.integer(1) != 0, std::string(find_.blob(2))};
  }
  find_.reset();
  return known;
}

void BatchKeys::put(std::string_view owner, std::string_view key, std::string_view id) {
  put_.bind(1, owner).bind(2, key).bind(3, id).run();
}

void BatchKeys::seal(std::string_view id, std::string_view digest) {
  seal_.bind_blob(1, digest).bind(2, id).run();
}

void BatchKeys::drop(std::string_view id) {
  drop_.bind(1, id).run();
}

}  // namespace sluice::jobs
