#include "jobs/delivery_tables.h"

namespace sluice::jobs {

DeliveryTable::DeliveryTable(sqlite::Connection& c)
    : insert_(c, "INSERT OR IGNORE INTO deliveries (seq, attempt, due) VALUES (?, 0, ?)"),
      due_(c, "SELECT seq, attempt FROM deliveries WHERE due <= ? ORDER BY due LIMIT ?"),
      take_(c, "UPDATE deliveries SET attempt = ?, due = ? WHERE seq = ?"),
      again_(c, "UPDATE deliveries SET due = ? WHERE seq = ? AND attempt = ?"),
      over_(c, "DELETE FROM deliveries WHERE seq = ? AND attempt = ?"),
      drop_(c, "DELETE FROM deliveries WHERE seq = ?") {}

void DeliveryTable::add(std::int64_t row, WallTime due) {
  insert_.bind(1, row).bind(2, to_ms_since_epoch(due)).run();
}

std::vector<DeliveryTable::Due> DeliveryTable::claim(std::size_t most, WallTime now,
                                                     Duration lease) {
  std::vector<Due> taken;
  due_.bind(1, to_ms_since_epoch(now)).bind(2, static_cast<std::int64_t>(most));
  while (due_.step()) {
    taken.push_back({due_.integer(0), static_cast<std::uint32_t>(due_.integer(1)) + 1});
  }
  for (const Due& one : taken) {
    take_.bind(1, std::int64_t{one.attempt}).bind(2, to_ms_since_epoch(now + lease));
    take_.bind(3, one.row).run();
  }
  return taken;
}

void DeliveryTable::settle(std::int64_t row, std::uint32_t attempt, std::optional<WallTime> due) {
  if (due) {
    again_.bind(1, to_ms_since_epoch(*due)).bind(2, row).bind(3, std::int64_t{attempt}).run();
  } else {
    over_.bind(1, row).bind(2, std::int64_t{attempt}).run();
  }
}

void DeliveryTable::drop(std::int64_t row) {
  drop_.bind(1, row).run();
}

}  // namespace sluice::jobs
