// A database's schema, from any earlier version to the one that this program knows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sqlite/connection.h"

namespace sluice::sqlite {

// Step i takes the schema from version i to i + 1; a new file has version 0.
struct Schema {
  std::int32_t application_id;  // tells whose file it is (PRAGMA application_id)
  std::span<const std::string_view> steps;
};

// Takes the missing steps, all in one transaction: it happens as a whole or not. kConflict for a
// file of a later version or of another program: it is left as it is.
Result<> migrate(Connection& connection, const Schema& schema);

}  // namespace sluice::sqlite
