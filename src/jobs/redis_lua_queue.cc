#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// For each job: id, record, input, digest. Answers for each: "" (new), the id of the job that was
// there under its key, or "!" (another request under its key).
const std::string_view kSubmit = R"lua(
local answers = {}
local number = call('INCRBY', P .. 'seq', (#ARGV - FIRST + 1) / 4) - (#ARGV - FIRST + 1) / 4
for i = FIRST, #ARGV, 4 do
  local id, r, answer = ARGV[i], read(ARGV[i + 1]), ''
  if r[once] ~= '' then
    local known = call('GET', P .. 'once:' .. r[once])
    if known then
      local other, digest = string.match(known, '^(%S+) (.*)$')
      answer = digest == ARGV[i + 3] and other or '!'
    else
      call('SET', P .. 'once:' .. r[once], id .. ' ' .. ARGV[i + 3])
    end
  end
  if answer == '' then
    number = number + 1
    r[seq], r[created] = number, now
    r[not_before] = r[run_at] > now and r[run_at] or 0
    if SEED_LIST ~= '' and r[callable] == SEED_CALLABLE and r[format] == SEED_FORMAT then
      r[flags] = 1
    end
    count(r, 1)
    call('SET', input_key(id, r), ARGV[i + 2])
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
  end
  answers[#answers + 1] = answer
end
return {close(), answers}
)lua";

// The worker's name, the lease, then for each queue: callable, most. Answers id, record, input for
// each job, after "1" or "0": whether the seed's list was looked through to its end.
const std::string_view kClaim = R"lua(
local WEIGHT = {[0] = 6, 3, 1}
local SEED = '\255'
-- Tenants that are looked up at a time, and what is passed over in one script.
local TENANTS, PASSED = 64, 1000
local who, how_long = ARGV[FIRST], tonumber(ARGV[FIRST + 1])
local got, looked_through = {'0'}, false

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
  local function pop(p)
    rings[p] = rings[p] or ring_of(p)
    local ring = rings[p]
    while #ring.names > 0 do
      if ring.at > #ring.names then ring.at = 1 end
      local tenant = ring.names[ring.at]
      local id
      if tenant == SEED then
        id = call('RPOP', SEED_LIST)
      else
        id = call('RPOP', base .. PRIORITY[p] .. ':' .. tenant)
      end
      if id then
        last[p], ring.at = tenant, ring.at + 1
        return id, tenant == SEED
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

  local count_of, passed = 0, 0
  while count_of < most and passed < PASSED do
    local best, all = nil, 0
    for p = 0, 2 do
      if has[p] then
        all, credit[p] = all + WEIGHT[p], credit[p] + WEIGHT[p]
        if not best or credit[p] > credit[best] then best = p end
      end
    end
    if not best then break end
    credit[best] = credit[best] - all
    local id, from_seed = pop(best)
    if not id then
      has[best] = false
    else
      local r
      if from_seed then
        r = taken(id)
      else
        local bytes = call('GET', job_key(id))
        r = bytes and read(bytes)
        if r and (r[state] ~= PENDING or r[not_before] > now) then r = nil end
      end
      if r and r[deadline] > 0 and r[deadline] <= now then
        pass_deadline(id, r)
        r = nil
      end
      if r and r[attempt] > 0 and mirrored(r) and adopt_end(id, r, true) then r = nil end
      if r then
        count(r, -1)
        r[state], r[attempt], r[worker], r[started] = PROCESSING, r[attempt] + 1, who, now
        r[lease], r[not_before], r[revision] = now + how_long, 0, r[revision] + 1
        count(r, 1)
        local bytes = pack(r)
        call('SET', job_key(id), bytes)
        call('ZADD', P .. 'leases', r[lease], id)
        mirror(id, r)
        tell(id, r)
        got[#got + 1], got[#got + 2] = id, bytes
        got[#got + 1] = call('GET', input_key(id, r)) or ''
        count_of = count_of + 1
      else
        passed = passed + 1
      end
    end
  end
  if passed >= PASSED then wake(name) end
  if count_of + passed > 0 then
    call('HSET', base .. 'turn', 0, credit[0], 1, credit[1], 2, credit[2], 't0', last[0], 't1',
      last[1], 't2', last[2])
  end
  if seeded and not has[1] and passed < PASSED then looked_through = true end
end

for i = FIRST + 2, #ARGV, 2 do claim(ARGV[i], tonumber(ARGV[i + 1])) end
if looked_through then got[1] = '1' end
return {close(), got}
)lua";

// For each ticket: id, attempt. Answers 1 for each whose lease goes on until then.
const std::string_view kExtend = R"lua(
local answers = {}
local how_long = tonumber(ARGV[FIRST])
for i = FIRST + 1, #ARGV, 2 do
  local id, bytes = ARGV[i], call('GET', job_key(ARGV[i]))
  local r = bytes and read(bytes)
  if r and r[state] == PROCESSING and r[attempt] == tonumber(ARGV[i + 1]) then
    r[lease] = now + how_long
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
