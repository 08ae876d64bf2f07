// Which jobs a caller wants to see.
#pragma once

#include "base/result.h"
#include "http/query.h"
#include "jobs/store.h"

namespace sluice::api::jobs {

// From ?status= &callable= &limit= &after=; kInvalid says which is wrong and what would be right.
Result<sluice::jobs::ListQuery> list_query(const http::Query& query);

}  // namespace sluice::api::jobs
