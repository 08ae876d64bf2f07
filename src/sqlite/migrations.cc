#include "sqlite/migrations.h"

#include "base/format.h"

namespace sluice::sqlite {

Result<> migrate(Connection& connection, const Schema& schema) {
  const auto version = connection.number("PRAGMA user_version");
  if (!version) return fail(version.error());
  const auto owner = connection.number("PRAGMA application_id");
  if (!owner) return fail(owner.error());
  const auto tables = connection.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return fail(tables.error());

  const auto at = static_cast<std::size_t>(version->value_or(0));
  const bool empty = tables->value_or(0) == 0;
  const std::string name = connection.file().string();
  if (!empty && owner->value_or(0) != schema.application_id) {
    return fail(ErrorCode::kConflict, formatted("{} is a database of another program", name));
  }
  if (at > schema.steps.size()) {
    return fail(ErrorCode::kConflict,
                formatted("{} has schema version {}, this program knows {} and less: use the "
                          "later program, or another state folder",
                          name, at, schema.steps.size()));
  }
  if (at == schema.steps.size()) return {};
  if (auto ok = connection.run("BEGIN IMMEDIATE"); !ok) return ok;
  Result<> ok = connection.run(formatted("PRAGMA application_id = {}", schema.application_id));
  for (std::size_t step = at; ok && step < schema.steps.size(); ++step) {
    ok = connection.run(schema.steps[step]);
  }
  if (ok) ok = connection.run(formatted("PRAGMA user_version = {}", schema.steps.size()));
  if (ok) ok = connection.run("COMMIT");
  if (!ok) {
    [[maybe_unused]] const auto undone = connection.run("ROLLBACK");
  }
  return ok;
}

}  // namespace sluice::sqlite
