#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// What the scripts of batches share. A batch is answered as thirteen: owner, metadata, state,
// error, created, finished, expires, lines; how many of these have not ended, how many are run, and
// how many ended in each of the three ways.
const std::string_view kBatch = R"lua(
local function describe(id)
  local b = call('HMGET', batch_key(id), 'owner', 'metadata', 'state', 'error', 'created',
    'finished', 'expires', 'lines', 'open', 'processing')
  if not b[1] or (tonumber(b[7]) > 0 and tonumber(b[7]) <= now) then return nil end
  b[9] = call('ZCARD', lines_key('open', id))
  for to = COMPLETED, CANCELLED do b[9 + to] = call('ZCARD', lines_key(to, id)) end
  return b
end

-- Its lines are to be looked at from now on.
local function make_busy(id, to)
  call('HSET', batch_key(id), 'state', to)
  call('ZREM', P .. 'batch-receiving', id)
  call('ZADD', P .. 'batch-busy', now, id)
  shorter[id] = true  -- perhaps there are none
end
local function stop(id, why)
  call('HSET', batch_key(id), 'error', why)
  make_busy(id, CANCELLING)
end

-- What stands against a change ("missing", or its state), or "", and the batch. To be called last:
-- it closes.
local function say(against, id)
  local text = close()
  local answer = {against}
  local b = against == '' and describe(id)
  if b then
    for i = 1, #b do answer[#answer + 1] = b[i] end
  end
  return {text, answer}
end
)lua";

// Its id, owner, metadata, idempotency key or "". Answers id, digest and batch: "" as the digest of
// a new one, else that of the one that was sealed under the key; nothing while one is received
// under it.
const std::string_view kCreateBatch = R"lua(
local id, by, about, key = ARGV[FIRST], ARGV[FIRST + 1], ARGV[FIRST + 2], ARGV[FIRST + 3]
local function answer(found, digest)
  local text, b = close(), describe(found)
  return {text, {found, digest, unpack(b)}}
end
if key ~= '' then
  local known = call('GET', P .. 'batch-once:' .. key)
  local b = known and describe(known)
  if b then
    if tonumber(b[3]) == RECEIVING then return {close(), {}} end
    local digest = call('HGET', batch_key(known), 'digest')
    if digest ~= '' then return answer(known, digest) end
  end
  call('SET', P .. 'batch-once:' .. key, id)
end
local number = call('INCR', P .. 'seq')
call('HSET', batch_key(id), 'seq', number, 'owner', by, 'metadata', about, 'state', RECEIVING,
  'error', '', 'created', now, 'finished', 0, 'expires', 0, 'lines', 0, 'released', 0,
  'processing', 0, 'once', key, 'digest', '')
call('ZADD', P .. 'batches', number, id)
call('ZADD', P .. 'batches:' .. by, number, id)
call('ZADD', P .. 'batch-receiving', now, id)
return answer(id, '')
)lua";

// A batch, then for each line: id, record, input, and where it cannot be run the code and the text
// of the error, else "" twice.
const std::string_view kAddLines = R"lua(
local of = ARGV[FIRST]
local known = describe(of)
if not known then return say('missing', of) end
if tonumber(known[3]) ~= RECEIVING then return say(known[3], of) end
local all = (#ARGV - FIRST) / 5
local number = call('INCRBY', P .. 'seq', all) - all
for i = FIRST + 1, #ARGV, 5 do
  local id, r = ARGV[i], read(ARGV[i + 1])
  number = number + 1
  r[seq], r[created] = number, now
  call('ZADD', P .. 'batch:' .. of, number, id)
  if ARGV[i + 3] ~= '' then
    r[state], r[finished] = FAILED, now
    r[error_code], r[error_text] = tonumber(ARGV[i + 3]), ARGV[i + 4]
    call('SADD', P .. 'owners', r[owner])
    keep_ended(id, r)
  else
    count(r, 1)
    call('SET', input_key(id, r), ARGV[i + 2])
    call('ZADD', lines_key('open', of), r[line], id)
    list_as_live(id, r)
  end
  save(id, r)
end
call('HINCRBY', batch_key(of), 'lines', all)
call('ZADD', P .. 'batch-receiving', now, of)
return {close(), {''}}
)lua";

// A batch, and the digest of what it was made of.
const std::string_view kSealBatch = R"lua(
local id = ARGV[FIRST]
local known = describe(id)
if not known then return say('missing', id) end
if tonumber(known[3]) ~= RECEIVING then return say(known[3], id) end
call('HSET', batch_key(id), 'digest', ARGV[FIRST + 1])
make_busy(id, RUNNING)
return say('', id)
)lua";

// A batch, and why it fails or "".
const std::string_view kCancelBatch = R"lua(
local id = ARGV[FIRST]
local known = describe(id)
if not known then return say('missing', id) end
local was = tonumber(known[3])
if was > CANCELLING and was ~= 4 then return say(known[3], id) end
if was < CANCELLING then stop(id, ARGV[FIRST + 1]) end
return say('', id)
)lua";

// A batch.
const std::string_view kGetBatch = R"lua(
local id = ARGV[FIRST]
return say(describe(id) and '' or 'missing', id)
)lua";

// Whose ("*" or "=" and the owner), the batch after which to begin or "", the place to go on from
// or "", how many. Answers the place to go on from ("" at the end, "?" when there is no such batch
// to begin after), then id and batch of each.
const std::string_view kListBatches = R"lua(
local whose, after, place, most = ARGV[FIRST], ARGV[FIRST + 1], ARGV[FIRST + 2],
  tonumber(ARGV[FIRST + 3])
local before = '+inf'
if place ~= '' then
  before = '(' .. place
elseif after ~= '' then
  local number = call('HGET', batch_key(after), 'seq')
  if not number then return {'', {'?'}} end
  before = '(' .. number
end
local key = whose == '*' and P .. 'batches' or P .. 'batches:' .. string.sub(whose, 2)
local ids = call('ZREVRANGEBYSCORE', key, before, '-inf', 'WITHSCORES', 'LIMIT', 0, most)
local answers = {#ids == 2 * most and ids[#ids] or ''}
for i = 1, #ids, 2 do
  local b = describe(ids[i])
  if b then
    answers[#answers + 1] = ids[i]
    for k = 1, #b do answers[#answers + 1] = b[k] end
  end
end
return {'', answers}
)lua";

// A batch, "c" for the lines that are completed or "o" for those that ended otherwise, the line
// behind which to begin, how many, how many bytes of output are enough. Answers id, record and
// output for each.
const std::string_view kReadBatch = R"lua(
local of, done, most, enough = ARGV[FIRST], ARGV[FIRST + 1] == 'c', tonumber(ARGV[FIRST + 3]),
  tonumber(ARGV[FIRST + 4])
if not describe(of) then return {'', {}} end
local found = {}
for to = done and COMPLETED or FAILED, done and COMPLETED or CANCELLED do
  local part = call('ZRANGEBYSCORE', lines_key(to, of), '(' .. ARGV[FIRST + 2], '+inf',
    'WITHSCORES', 'LIMIT', 0, most)
  for i = 1, #part, 2 do found[#found + 1] = {part[i], tonumber(part[i + 1])} end
end
if not done then table.sort(found, function(a, b) return a[2] < b[2] end) end
local answers, bytes = {}, 0
for i = 1, math.min(most, #found) do
  if bytes >= enough then break end
  local id = found[i][1]
  local record = load(id)
  if record then
    local output = done and call('GET', output_key(id, read(record))) or ''
    bytes = bytes + #output
    answers[#answers + 1], answers[#answers + 2], answers[#answers + 3] = id, record, output
  end
end
return {'', answers}
)lua";

// How long an upload may be silent. What time brings, so many lines in one script. Answers 1 when
// there is more to do now.
const std::string_view kTendBatches = R"lua(
-- Lines that are dropped, and that are let go or stopped.
local BATCHES, MOST, more = 8, 64, 0

local left = MOST
-- What has expired goes before anything that needs memory, so that a full server is emptied; the
-- lines before their batch, which says where they are.
local old = call('ZRANGEBYSCORE', P .. 'batch-expiring', '-inf', now, 'LIMIT', 0, BATCHES)
for i = 1, #old do
  local of = old[i]
  local ids = left > 0 and call('ZRANGE', P .. 'batch:' .. of, 0, left - 1) or {}
  for k = 1, #ids do
    local bytes = load(ids[k])
    if bytes then drop(ids[k], read(bytes)) else call('ZREM', P .. 'batch:' .. of, ids[k]) end
  end
  left = left - #ids
  if left > 0 then
    local b = call('HMGET', batch_key(of), 'owner', 'once')
    call('ZREM', P .. 'batches:' .. (b[1] or ''), of)
    if b[2] and call('GET', P .. 'batch-once:' .. b[2]) == of then
      call('DEL', P .. 'batch-once:' .. b[2])
    end
    call('UNLINK', batch_key(of), lines_key('open', of), lines_key(COMPLETED, of),
      lines_key(FAILED, of), lines_key(CANCELLED, of))
    call('ZREM', P .. 'batches', of)
    call('ZREM', P .. 'batch-expiring', of)
  end
end
if left <= 0 or #old == BATCHES then more = 1 end

left = MOST
local late = call('ZRANGEBYSCORE', P .. 'batch-receiving', '-inf', now - ARGV[FIRST], 'LIMIT', 0,
  BATCHES)
for i = 1, #late do stop(late[i], 'its upload stopped before the end') end

-- Lets lines go to their queues, in their order.
local function release(of, from)
  local ids = call('ZRANGEBYSCORE', lines_key('open', of), '(' .. from, '+inf', 'WITHSCORES',
    'LIMIT', 0, left)
  for i = 1, #ids, 2 do
    local bytes = load(ids[i])
    if bytes then
      enqueue(ids[i], read(bytes), false)
    else
      call('ZREM', lines_key('open', of), ids[i])
      shorter[of] = true
    end
  end
  if #ids > 0 then call('HSET', batch_key(of), 'released', ids[#ids]) end
  if #ids < 2 * left then call('ZREM', P .. 'batch-busy', of) end
  left = left - #ids / 2
end
local function cancel_lines(of)
  local ids = call('ZRANGE', lines_key('open', of), 0, left - 1)
  for i = 1, #ids do
    local bytes = load(ids[i])
    if bytes then
      finish_job(ids[i], read(bytes), CANCELLED)
    else
      call('ZREM', lines_key('open', of), ids[i])
    end
  end
  shorter[of] = true
  left = left - #ids
end
local busy = call('ZRANGE', P .. 'batch-busy', 0, BATCHES - 1)
for i = 1, #busy do
  if left <= 0 then break end
  local b = call('HMGET', batch_key(busy[i]), 'state', 'released')
  if tonumber(b[1]) == RUNNING then
    release(busy[i], b[2])
  elseif tonumber(b[1]) == CANCELLING then
    cancel_lines(busy[i])
  else
    call('ZREM', P .. 'batch-busy', busy[i])
  end
end
if left <= 0 or #late == BATCHES or #busy == BATCHES then more = 1 end
return {close(), {more}}
)lua";

}  // namespace sluice::jobs::lua
