// What is done to the jobs on a Redis server: the text of the scripts. Each is one change, which
// happens as a whole. Internal to the Redis store.
//
// Keys, all after kPrefix, beside those of the seed (redis_store.h):
//
//   job:{ID}                 string   the record (redis_record.h)
//   input:{ID}, output:{ID}  string   unless they are in job:ID:data and job:ID:result
//   {CALLABLE}:PRIORITY      zset     the tenants with something, in their order
//   {CALLABLE}:PRIORITY:TENANT  list  ids; new ones at the left, taken from the right
//   {CALLABLE}:turn          hash     whose turn it is: the wheel of order.h, the last tenants
//   leases, delayed, overdue  zset   ids by the moment at which something is due
//   expiring                 zset     the moments at which jobs go
//   expiring:MOMENT          list     ids of those that go then
//   live:OWNER, ended:STATE:OWNER, batch:BATCH  zset  ids by their order of submission
//   deliveries               zset     ids of jobs with a webhook, by when it is to be told
//   tries                    hash     how often that was tried
//   owners                   set      all that have or had a job
//   once:OWNER KEY           string   of an idempotency key: id, digest
//   counts                   hash     how many wait ("0CALLABLE") and run ("1CALLABLE")
//   paused                   set      callables
//   seq                      string   the last number of submission
//   seed                     zset     our ids in the seed's list, in its order
//   away                     zset     ids that other programs have, by when they were looked at
//
// and of batches, whose lines are jobs:
//
//   record:{BATCH}           hash     the batch: seq, owner, metadata, state, error, created,
//                                     finished, expires, lines, processing; released: the last
//                                     line that was let go; once and digest: of its key
//   lines:open:{BATCH}       zset     ids of lines that have not ended, by their number
//   lines:STATE:{BATCH}      zset     the same of those that have; their jobs do not expire
//   batches, batches:OWNER   zset     batches by their order of creation
//   batch-once:OWNER KEY     string   of an idempotency key: the batch
//   batch-receiving          zset     batches whose upload goes on, by when lines came last
//   batch-busy               zset     batches with lines to let go or to stop, by since when
//   batch-expiring           zset     batches by when they go
#pragma once

#include <string_view>

namespace sluice::jobs::lua {

// The version of the layout is part of it.
inline constexpr std::string_view kPrefix = "sluice:v2:";

// Every script is kHead, kRecord, kSeed and one of the others. It takes one key, the prefix, and as
// its first arguments: the time, or "" for the server's, the name of this node, the channel for
// news; retention, retries, their shortest and longest wait, the poison limit; the seed's list (or
// ""), its callable and format, and for how long a foreign worker keeps a job. All times are in
// milliseconds. It answers its news (redis_news.h), which it has published as well, and a list.
extern const std::string_view kHead;
extern const std::string_view kRecord;
extern const std::string_view kSeed;

extern const std::string_view kSubmit;
extern const std::string_view kPutIn;  // stands alone
extern const std::string_view kClaim;
extern const std::string_view kExtend;
extern const std::string_view kFinishPlain;  // before kHead
extern const std::string_view kFinish;
extern const std::string_view kProgress;
extern const std::string_view kCancel;
extern const std::string_view kTend;
extern const std::string_view kGet;
extern const std::string_view kList;
extern const std::string_view kPause;
extern const std::string_view kCounts;
extern const std::string_view kDeliveries;
extern const std::string_view kSettle;

// Those of batches have kBatch besides, before them.
extern const std::string_view kBatch;
extern const std::string_view kCreateBatch;
extern const std::string_view kAddLines;
extern const std::string_view kSealBatch;
extern const std::string_view kCancelBatch;
extern const std::string_view kGetBatch;
extern const std::string_view kListBatches;
extern const std::string_view kReadBatch;
extern const std::string_view kTendBatches;

}  // namespace sluice::jobs::lua
