#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// For each job: id, record, input, digest. Answers for each: "" (new), the id of the job that was
// there under its key, or "!" (another request under its key).
const std::string_view kSubmit = R"lua(
local answers = {}
local number = call('INCRBY', P .. 'seq', (#ARGV - FIRST + 1) / 4) - (#ARGV - FIRST + 1) / 4

local function submit(id, record, input, digest)
  local r = read(record)
  if r[once] ~= '' then
    local known = call('GET', P .. 'once:' .. r[once])
    if known then
      local other, asked = string.match(known, '^(%S+) (.*)$')
      return asked == digest and other or '!'
    end
    call('SET', P .. 'once:' .. r[once], id .. ' ' .. digest)
  end
  r[seq], r[created] = number, now
  r[not_before] = r[run_at] > now and r[run_at] or 0
  if SEED_LIST ~= '' and r[callable] == SEED_CALLABLE and r[format] == SEED_FORMAT then
    r[flags] = 1
  end
  count(r, 1)
  put(input_key(id, r), input)
  save(id, r)
  list_as_live(id, r)
  if r[batch] ~= '' then call('ZADD', P .. 'batch:' .. r[batch], number, id) end
  mirror(id, r)
  if r[not_before] > 0 then
    call('ZADD', P .. 'delayed', r[not_before], id)
    if r[deadline] > 0 then call('ZADD', P .. 'overdue', r[deadline], id) end
  else
    enqueue(id, r, false)
  end
  return ''
end

for i = FIRST, #ARGV, 4 do
  number = number + 1
  answers[#answers + 1] = submit(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
end
return {close(), answers}
)lua";

// The worker's name, the lease, then for each queue: callable, most. Answers id, record, input for
// each job, after "1" or "0": whether the seed's list was looked through to its end; behind that,
// in lines, what was taken off the list and is no id, cut short.
const std::string_view kClaim = R"lua(
local WEIGHT = {[0] = 6, 3, 1}
local SEED = '\255'
-- Tenants that are looked up at a time, and what is passed over in one script.
local TENANTS, PASSED = 64, 1000
local who, how_long = ARGV[FIRST], tonumber(ARGV[FIRST + 1])
local got, inputs, looked_through = {'0'}, {}, false

-- What comes before the number in the record of a plain job: never tried, and claimed just now; in
-- queues of ours and in the seed's list. And what a claimed one ends with.
local NEW, CLAIMED_SEED = {}, nil
for in_list = 0, 1 do
  CLAIMED_SEED = struct.pack('<BBBBI4I4I4I4I4i8i8i8i8i8d', 2, PROCESSING, in_list, NO_ERROR, 1, 2, 0,
    0, 0, now + how_long, now, 0, 0, 0, 0)
  NEW[struct.pack('<BBBBI4I4', 2, PENDING, in_list, NO_ERROR, 0, 1) .. string.rep('\0', 60)] =
    CLAIMED_SEED
end
local claimed_end = struct.pack('<I2c0', #who, who) .. string.rep('\0', 6)
local whole_lease = text_of[now + how_long]
local sub, byte = string.sub, string.byte

local function claim(name, most)
  if call('SISMEMBER', P .. 'paused', name) == 1 then return end
  local base = P .. '{' .. name .. '}:'
  local turn = call('HMGET', base .. 'turn', 0, 1, 2, 't0', 't1', 't2')
  local credit, last, has, rings = {}, {}, {}, {}
  for p = 0, 2 do
    credit[p], last[p] = tonumber(turn[p + 1] or 0), turn[p + 4] or ''
    has[p] = call('EXISTS', base .. PRIORITY[p]) == 1
  end
  local seeded = name == SEED_CALLABLE and SEED_LIST ~= ''
  if seeded and not has[1] then has[1] = call('EXISTS', SEED_LIST) == 1 end

  -- The tenants with something, from the one after the last on.
  local function ring_of(p)
    local ring = call('ZRANGEBYLEX', base .. PRIORITY[p], '(' .. last[p], '+', 'LIMIT', 0, TENANTS)
    local add_seed = seeded and p == 1
    if add_seed and last[p] ~= SEED then ring[#ring + 1] = SEED end
    if #ring < TENANTS then
      local rest = call('ZRANGEBYLEX', base .. PRIORITY[p], '-', '[' .. last[p], 'LIMIT', 0,
        TENANTS - #ring)
      for i = 1, #rest do ring[#ring + 1] = rest[i] end
    end
    if add_seed and last[p] == SEED then ring[#ring + 1] = SEED end
    return {names = ring, at = 1, more = #ring >= TENANTS}
  end
  -- Up to so many ids of a priority: one, unless nobody else's turn lies between them.
  local function pop(p, wanted)
    rings[p] = rings[p] or ring_of(p)
    local ring = rings[p]
    while #ring.names > 0 do
      if ring.at > #ring.names then ring.at = 1 end
      local tenant = ring.names[ring.at]
      local list = tenant == SEED and SEED_LIST or base .. PRIORITY[p] .. ':' .. tenant
      local ids = call('RPOP', list, #ring.names == 1 and not ring.more and wanted or 1)
      if ids then
        last[p], ring.at = tenant, ring.at + 1
        return ids, tenant == SEED
      end
      if tenant == SEED then looked_through = true
      else call('ZREM', base .. PRIORITY[p], tenant) end
      table.remove(ring.names, ring.at)
      if #ring.names == 0 and ring.more then
        ring = ring_of(p)
        rings[p] = ring
        if seeded and p == 1 and looked_through then ring.more = false end
      end
    end
  end

  -- Ids in their turn, as many as are wanted if there are so many.
  local function take(wanted)
    local ids, of_seed = {}, {}
    while #ids < wanted do
      local best, all, others = nil, 0, -1
      for p = 0, 2 do
        if has[p] then
          all, others, credit[p] = all + WEIGHT[p], others + 1, credit[p] + WEIGHT[p]
          if not best or credit[p] > credit[best] then best = p end
        end
      end
      if not best then break end
      credit[best] = credit[best] - all
      local more, from_seed = pop(best, others == 0 and wanted - #ids or 1)
      if not more then
        has[best] = false
      else
        for i = 1, #more do
          ids[#ids + 1] = more[i]
          if from_seed then of_seed[more[i]] = true end
        end
        if from_seed then call('ZREM', P .. 'seed', unpack(more)) end
      end
    end
    return ids, of_seed
  end

  -- The record of a job whose turn it is; nil where it is not to be run (any more).
  local function candidate(id, from_seed)
    local r
    if from_seed then
      r = taken(id)
    else
      local bytes = load(id)
      r = bytes and read(bytes)
      if r and (r[state] ~= PENDING or r[not_before] > now) then r = nil end
    end
    if r and is_late(r) then
      pass_deadline(id, r)
      r = nil
    end
    if r and r[attempt] > 0 and mirrored(r) and adopt_end(id, r, true) then r = nil end
    return r
  end

  -- Plain jobs of this callable that were never tried, which are most, become claimed ones without
  -- being read: they all get the same first and last part around what never changes.
  local plain_kinds, leases_key, before = {}, P .. 'leases', P .. 'job:{'
  local function is_plain(about)
    local plain = byte(about, 2) == 0 and struct.unpack('<I2c0', about, 23) == name
    plain_kinds[about] = plain
    return plain
  end
  local function claim_plain(id, bytes)
    local to = NEW[sub(bytes, 1, 72)]
    if not to then return false end
    local about = sub(bytes, 89, -9)
    local plain = plain_kinds[about]
    if plain == nil then plain = is_plain(about) end
    if not plain then return false end
    bytes = to .. sub(bytes, 73, 88) .. about .. claimed_end
    records[id] = bytes
    local n, m, k = #got, #texts, #inputs
    texts[m + 1], texts[m + 2] = before .. id .. '}', bytes
    if to == CLAIMED_SEED then
      texts[m + 3], texts[m + 4] = 'job:' .. id .. ':status', 'processing'
      inputs[k + 1] = 'job:' .. id .. ':data'
    else
      inputs[k + 1] = P .. 'input:{' .. id .. '}'
    end
    got[n + 1], got[n + 2], got[n + 3] = id, bytes, ''
    zput(leases_key, whole_lease, id)
    news[#news + 1] = id .. ' 1 1 2'
    return true
  end
  local function claim_read(id, r)
    count(r, -1)
    r[state], r[attempt], r[worker], r[started] = PROCESSING, r[attempt] + 1, who, now
    r[lease], r[not_before], r[revision] = lease_end(r, how_long), 0, r[revision] + 1
    count(r, 1)
    zput(P .. 'leases', text_of[r[lease]], id)
    got[#got + 1], got[#got + 2] = id, save(id, r)
    inputs[#inputs + 1] = input_key(id, r)
    got[#got + 1] = ''
    mirror(id, r)
    tell(id, r)
  end

  local count_of, passed, plain = 0, 0, 0
  while count_of < most and passed < PASSED do
    local ids, of_seed = take(math.min(most - count_of, PASSED - passed))
    if #ids == 0 then break end
    load_all(ids)
    for i = 1, #ids do
      local id = ids[i]
      local bytes = records[id]
      if bytes and claim_plain(id, bytes) then
        plain, count_of = plain + 1, count_of + 1
      else
        local r = candidate(id, of_seed[id])
        if r then
          claim_read(id, r)
          count_of = count_of + 1
        else
          passed = passed + 1
        end
      end
    end
  end
  counted['0' .. name] = (counted['0' .. name] or 0) - plain
  counted['1' .. name] = (counted['1' .. name] or 0) + plain
  if passed >= PASSED then wake(name) end
  if count_of + passed > 0 then
    call('HSET', base .. 'turn', 0, credit[0], 1, credit[1], 2, credit[2], 't0', last[0], 't1',
      last[1], 't2', last[2])
  end
  if seeded and not has[1] and passed < PASSED then looked_through = true end
end

for i = FIRST + 2, #ARGV, 2 do claim(ARGV[i], tonumber(ARGV[i + 1])) end
if looked_through then got[1] = '1' end
for i = 1, #no_ids do got[1] = got[1] .. '\n' .. no_ids[i] end
for i = 1, #inputs, PART do
  local found = call('MGET', unpack(inputs, i, math.min(i + PART - 1, #inputs)))
  for k = 1, #found do got[3 * (i + k - 1) + 1] = found[k] or '' end
end
return {close(), got}
)lua";

// For each ticket: id, attempt. Answers 1 for each whose lease goes on until then.
const std::string_view kExtend = R"lua(
local answers = {}
local how_long = tonumber(ARGV[FIRST])
for i = FIRST + 1, #ARGV, 2 do
  local id, bytes = ARGV[i], load(ARGV[i])
  local r = bytes and read(bytes)
  if r and r[state] == PROCESSING and r[attempt] == tonumber(ARGV[i + 1]) and not is_late(r) then
    r[lease] = lease_end(r, how_long)
    save(id, r)
    call('ZADD', P .. 'leases', r[lease], id)
    answers[#answers + 1] = 1
  else
    answers[#answers + 1] = 0
  end
end
return {close(), answers}
)lua";

}  // namespace sluice::jobs::lua
