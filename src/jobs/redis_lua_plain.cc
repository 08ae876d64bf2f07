#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// What is done to most jobs, without all that the other scripts begin with, which would take
// longer than the work itself: records are not read but cut and joined, as redis_record.h has them.

// Jobs that want no more than to wait in their queue, which are most: put in without reading their
// records, and by a script that stands alone, since half of the time of a short one goes into what
// the others have in common. For each job: id, what its record says after the moment of creation,
// input, and its way, which jobs share: "s" (in the seed's list and keys) or "q" (in a queue of
// ours), then after their length as u16 callable, "high", "normal" or "low", tenant, owner. Answers
// "" for each.
const std::string_view kPutIn = R"lua(
local call, P = redis.call, KEYS[1]
local NODE, CHANNEL, SEED_LIST = ARGV[2], ARGV[3], ARGV[9]
local FIRST, EACH = 13, 4
local now = tonumber(ARGV[1])
if not now then
  local at = call('TIME')
  now = at[1] * 1000 + math.floor(at[2] / 1000)
end
local all = (#ARGV - FIRST + 1) / EACH
local number = call('INCRBY', P .. 'seq', all) - all

-- A new record up to its number, as redis_record.h has it, and its end, the moment of creation.
local NEW = {}
for flags = 0, 1 do
  NEW[flags] = struct.pack('<BBBBI4I4', 2, 0, flags, 255, 0, 1) .. string.rep('\0', 60)
end
local created = struct.pack('<i8', now)

local JOB, INPUT = P .. 'job:{', P .. 'input:{'
local pack = struct.pack
local texts, ways, answers, n = {}, {}, {}, 0
for i = FIRST, #ARGV, EACH do
  local id, way = ARGV[i], ways[ARGV[i + 3]]
  if not way then
    local mode, name, priority, tenant, owner = struct.unpack('<c1I2c0I2c0I2c0I2c0', ARGV[i + 3])
    way = {seed = mode == 's', name = name, ring = P .. '{' .. name .. '}:' .. priority,
      tenant = tenant, owner = owner, ids = {}, numbered = {}, count = 0}
    way.new = NEW[way.seed and 1 or 0]
    ways[ARGV[i + 3]] = way
  end
  number = number + 1
  texts[n + 1], texts[n + 2] = JOB .. id .. '}', way.new .. pack('<i8', number) .. created ..
    ARGV[i + 1]
  if way.seed then
    texts[n + 3], texts[n + 4] = 'job:' .. id .. ':data', ARGV[i + 2]
    texts[n + 5], texts[n + 6] = 'job:' .. id .. ':status', 'pending'
    n = n + 6
  else
    texts[n + 3], texts[n + 4] = INPUT .. id .. '}', ARGV[i + 2]
    n = n + 4
  end
  local count, numbered = way.count, way.numbered
  numbered[2 * count + 1], numbered[2 * count + 2] = number, id
  way.ids[count + 1] = id
  way.count = count + 1
  answers[#answers + 1] = ''
end

call('MSET', unpack(texts))
local news = {}
for _, way in pairs(ways) do
  call('ZADD', P .. 'live:' .. way.owner, unpack(way.numbered))
  call('SADD', P .. 'owners', way.owner)
  if way.seed then
    call('ZADD', P .. 'seed', unpack(way.numbered))
    call('LPUSH', SEED_LIST, unpack(way.ids))
  elseif call('LPUSH', way.ring .. ':' .. way.tenant, unpack(way.ids)) == way.count then
    call('ZADD', way.ring, 0, way.tenant)
  end
  call('HINCRBY', P .. 'counts', '0' .. way.name, way.count)
  news[#news + 1] = '!' .. way.name
end
local text = table.concat(news, '\n')
call('PUBLISH', CHANNEL, NODE .. '\n' .. text)
return {text, answers}
)lua";

// What stands before the script kFinish, with its arguments. Most ends are plain jobs that were
// completed, and for those this does all, as finish_job() does it to the keys; what others there
// are stays for the rest of the script, in `rest` by their places.
const std::string_view kFinishPlain = R"lua(
local rest, answers, told = {}, {}, ''
do
  local call, P = redis.call, KEYS[1]
  local NODE, CHANNEL, RETENTION = ARGV[2], ARGV[3], tonumber(ARGV[4])
  local FIRST, EACH = 13, 7
  local sub, unpack_of, concat = string.sub, struct.unpack, table.concat
  local now = tonumber(ARGV[1])
  if not now then
    local at = call('TIME')
    now = at[1] * 1000 + math.floor(at[2] / 1000)
  end
  local expires = string.format('%.0f', now + RETENTION)
  -- By the server's clock the moment saves it from writing down another command than this one.
  local unit, until_when = 'PXAT', expires
  if ARGV[1] ~= '' then unit, until_when = 'PX', ARGV[4] end

  local keys, count = {}, 0
  for i = FIRST, #ARGV, EACH do
    count = count + 1
    keys[count] = P .. 'job:{' .. ARGV[i] .. '}'
  end
  local records = call('MGET', unpack(keys))

  -- How jobs go on that have the same before their number, as all of one claim have; false: not so.
  local next_of = {}
  local function next_after(head)
    local version, state, flags, _, attempt, revision, counters, _, started =
      unpack_of('<BBBBI4I4c12c8c8', head)
    if version ~= 2 or state ~= 1 or flags > 1 then return false end
    return {attempt = attempt, seed = flags == 1, said = ' 2 ' .. attempt .. ' ' .. revision + 1,
      head = struct.pack('<BBBBI4I4', 2, 2, flags, 255, attempt, revision + 1) .. counters ..
        struct.pack('<i8c8i8i8i8d', 0, started, now, now + RETENTION, 0, 1)}
  end
  -- Of those with the same behind their moment, which are of one owner and callable: their numbers
  -- and ids.
  local kinds = {}
  local function kind_of(about)
    local name, _, _, owner = unpack_of('<I2c0I2c0I2c0I2c0', about, 23)
    local kind = {about = about, marks = string.byte(about, 2), name = name, owner = owner, ids = {},
      numbered = {}, count = 0}
    kinds[about] = kind
    return kind
  end

  local texts, ids, inputs, news, seen, n, done = {}, {}, {}, {}, {}, 0, 0
  for k = 1, count do
    local i, bytes, to, kind, number, length = FIRST + (k - 1) * EACH, records[k]
    local id = ARGV[i]
    if bytes and ARGV[i + 2] == 'c' and not seen[id] then
      local head = sub(bytes, 1, 72)
      to = next_of[head]
      if to == nil then
        to = next_after(head)
        next_of[head] = to
      end
      if to then
        number, length = unpack_of('<i8xxxxxxxxxxI4', bytes, 73)
        local about = sub(bytes, 89, 110 + length)
        kind = kinds[about] or kind_of(about)
        if kind.marks ~= 0 or to.attempt ~= tonumber(ARGV[i + 1]) then to = false end
      end
    end
    if to then
      seen[id] = true
      bytes = to.head .. sub(bytes, 73, 88) .. kind.about .. '\0\0\0\0\0\0\0\0'
      texts[n + 1], texts[n + 2] = keys[k], bytes
      done = done + 1
      if to.seed then
        call('SET', 'job:' .. id .. ':result', ARGV[i + 3], unit, until_when)
        texts[n + 3], texts[n + 4] = 'job:' .. id .. ':status', 'completed'
        inputs[done] = 'job:' .. id .. ':data'
      else
        texts[n + 3], texts[n + 4] = P .. 'output:{' .. id .. '}', ARGV[i + 3]
        inputs[done] = P .. 'input:{' .. id .. '}'
      end
      n = n + 4
      local at = kind.count
      kind.ids[at + 1] = id
      kind.numbered[2 * at + 1], kind.numbered[2 * at + 2] = number, id
      kind.count = at + 1
      ids[done], news[done] = id, id .. to.said
      answers[2 * k - 1], answers[2 * k] = '', bytes
    else
      rest[#rest + 1] = k
    end
  end

  if done > 0 then
    call('MSET', unpack(texts))
    call('ZREM', P .. 'leases', unpack(ids))
    local grain = math.max(1, math.floor(RETENTION / 1024))
    local gone_at = string.format('%.0f', math.ceil((now + RETENTION) / grain) * grain)
    call('RPUSH', P .. 'expiring:' .. gone_at, unpack(ids))
    call('ZADD', P .. 'expiring', gone_at, gone_at)
    for _, kind in pairs(kinds) do
      if kind.count > 0 then
        call('ZREM', P .. 'live:' .. kind.owner, unpack(kind.ids))
        call('ZADD', P .. 'ended:2:' .. kind.owner, unpack(kind.numbered))
        call('HINCRBY', P .. 'counts', '1' .. kind.name, -kind.count)
      end
    end
    call('DEL', unpack(inputs))
    told = concat(news, '\n')
    call('PUBLISH', CHANNEL, NODE .. '\n' .. told)
  end
  if #rest == 0 then return {told, answers} end
end
)lua";

}  // namespace sluice::jobs::lua
