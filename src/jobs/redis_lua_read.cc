#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// For each job: id, what is wanted beside the record (o, i or -). Answers record and body for each;
// an empty record: there is no such job.
const std::string_view kGet = R"lua(
local answers = {}
for i = FIRST, #ARGV, 2 do
  local id, want = ARGV[i], ARGV[i + 1]
  local r, body = find(id), ''
  if r and want == 'o' and r[state] == COMPLETED then body = call('GET', output_key(id, r)) end
  if r and want == 'i' then body = call('GET', input_key(id, r)) end
  answers[#answers + 1] = r and pack(r) or ''
  answers[#answers + 1] = body or ''
end
return {close(), answers}
)lua";

// A step of a walk from the newest job on: whose ("*" or "=" and the owner), state (0 to 4, or ""),
// callable and batch ("" for all), the job after which to begin or "", the place to go on from or
// "", how many. Answers the place to go on from ("" at the end, "?" when there is no such job to
// begin after), then id and record of each.
const std::string_view kList = R"lua(
-- Candidates from each list in one step.
local STEP = 500
local whose, wanted, of, of_batch, after, place, most = ARGV[FIRST], ARGV[FIRST + 1],
  ARGV[FIRST + 2], ARGV[FIRST + 3], ARGV[FIRST + 4], ARGV[FIRST + 5], tonumber(ARGV[FIRST + 6])
local before = place ~= '' and '(' .. place or '+inf'
if place == '' and after ~= '' then
  local bytes = load(after)
  if not bytes then return {'', {'?'}} end
  before = '(' .. string.format('%.0f', read(bytes)[seq])
end

local keys = {}
if of_batch ~= '' then
  keys[1] = P .. 'batch:' .. of_batch
elseif wanted == '1' then
  keys[1] = P .. 'leases'
else
  local owners = whose == '*' and call('SMEMBERS', P .. 'owners') or {string.sub(whose, 2)}
  for i = 1, #owners do
    if wanted == '' or wanted == '0' then keys[#keys + 1] = P .. 'live:' .. owners[i] end
    for to = COMPLETED, CANCELLED do
      if wanted == '' or wanted == tostring(to) then
        keys[#keys + 1] = P .. 'ended:' .. to .. ':' .. owners[i]
      end
    end
  end
end

-- What stands before the last of a list that may go on cannot be told from here.
local found, horizon = {}, -1
local step = math.max(math.min(STEP, most), math.floor(2 * STEP / math.max(#keys, 1)))
for i = 1, #keys do
  local part
  if keys[i] == P .. 'leases' then
    -- Their order is another, and there are never many.
    part = {}
    local limit = before == '+inf' and math.huge or tonumber(string.sub(before, 2))
    local ids = call('ZRANGE', keys[i], 0, 9999)
    for k = 1, #ids do
      local bytes = load(ids[k])
      local number = bytes and read(bytes)[seq]
      if number and number < limit then
        part[#part + 1], part[#part + 2] = ids[k], number
      end
    end
  else
    part = call('ZREVRANGEBYSCORE', keys[i], before, '-inf', 'WITHSCORES', 'LIMIT', 0, step)
    if #part == 2 * step then horizon = math.max(horizon, tonumber(part[#part])) end
  end
  for k = 1, #part, 2 do
    found[#found + 1] = {part[k], tonumber(part[k + 1]), keys[i]}
  end
end
table.sort(found, function(a, b) return a[2] > b[2] end)

local answers, last = {''}, nil
for i = 1, #found do
  if found[i][2] < horizon or #answers > 2 * most then break end
  last = found[i][2]
  local id, bytes = found[i][1], load(found[i][1])
  if not bytes then
    call('ZREM', found[i][3], id)
  else
    local r = read(bytes)
    if (whose == '*' or r[owner] == string.sub(whose, 2)) and
        (wanted == '' or r[state] == tonumber(wanted)) and (of == '' or r[callable] == of) and
        (of_batch == '' or r[batch] == of_batch) and
        not gone(r) then
      answers[#answers + 1], answers[#answers + 2] = id, bytes
    end
  end
end
if horizon >= 0 or #answers > 2 * most then answers[1] = string.format('%.0f', last) end
return {'', answers}
)lua";

// A callable, "1" or "0".
const std::string_view kPause = R"lua(
local name = ARGV[FIRST]
if ARGV[FIRST + 1] == '1' then
  call('SADD', P .. 'paused', name)
elseif call('SREM', P .. 'paused', name) == 1 then
  wake(name)
end
return {close(), {}}
)lua";

// Answers callable, paused, pending, processing for each.
const std::string_view kCounts = R"lua(
local all, answers = {}, {}
local function of(name)
  all[name] = all[name] or {0, 0, 0}
  return all[name]
end
local counts, paused = call('HGETALL', P .. 'counts'), call('SMEMBERS', P .. 'paused')
for i = 1, #counts, 2 do
  local which = string.sub(counts[i], 1, 1) == '0' and 2 or 3
  of(string.sub(counts[i], 2))[which] = tonumber(counts[i + 1])
end
for i = 1, #paused do of(paused[i])[1] = 1 end
if SEED_LIST ~= '' then
  -- With those that other programs handed in and nobody has looked at.
  local strangers = call('LLEN', SEED_LIST) - call('ZCARD', P .. 'seed')
  if strangers > 0 then of(SEED_CALLABLE)[2] = of(SEED_CALLABLE)[2] + strangers end
end
for name, one in pairs(all) do
  answers[#answers + 1] = name
  for i = 1, 3 do answers[#answers + 1] = one[i] end
end
return {close(), answers}
)lua";

// How many, for how long they are lent. Answers id, try, record, output for each.
const std::string_view kDeliveries = R"lua(
local most, how_long = tonumber(ARGV[FIRST]), tonumber(ARGV[FIRST + 1])
local answers = {}
local ids = call('ZRANGEBYSCORE', P .. 'deliveries', '-inf', now, 'LIMIT', 0, most)
for i = 1, #ids do
  local id, bytes = ids[i], load(ids[i])
  local r = bytes and read(bytes)
  if r and r[state] > PROCESSING and not gone(r) then
    call('ZADD', P .. 'deliveries', now + how_long, id)
    answers[#answers + 1] = id
    answers[#answers + 1] = call('HINCRBY', P .. 'tries', id, 1)
    answers[#answers + 1] = bytes
    answers[#answers + 1] = r[state] == COMPLETED and call('GET', output_key(id, r)) or ''
  else
    call('ZREM', P .. 'deliveries', id)
    call('HDEL', P .. 'tries', id)
  end
end
return {close(), answers}
)lua";

// id, try, how long until the next one or -1 for none.
const std::string_view kSettle = R"lua(
local id, wait = ARGV[FIRST], tonumber(ARGV[FIRST + 2])
if call('HGET', P .. 'tries', id) == ARGV[FIRST + 1] then
  if wait < 0 then
    call('ZREM', P .. 'deliveries', id)
    call('HDEL', P .. 'tries', id)
  else
    call('ZADD', P .. 'deliveries', 'XX', now + wait, id)
  end
end
return {close(), {}}
)lua";

}  // namespace sluice::jobs::lua
