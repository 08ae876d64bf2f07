#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// The record, and what one change does to all the keys that know of a job. redis_lua.h lists the
// keys, redis_record.h the record.
const std::string_view kRecord = R"lua(
local PENDING, PROCESSING, COMPLETED, FAILED, CANCELLED = 0, 1, 2, 3, 4
local STATUS = {[0] = 'pending', 'processing', 'completed', 'failed', 'cancelled'}
local PRIORITY = {[0] = 'high', 'normal', 'low'}
local TIMEOUT, INTERNAL, NO_ERROR = 8, 10, 255
-- How deep a list is searched for an id.
local DEEPEST = 10000

local state, flags, error_code, attempt, revision, failures, lost, outages = 2, 3, 4, 5, 6, 7, 8, 9
local lease, started, finished, expires, not_before, progress = 10, 11, 12, 13, 14, 15
local seq, created, priority, marks, run_at, deadline = 16, 17, 18, 19, 21, 22
local callable, format, tenant, owner, more, worker, error_text, partial =
  23, 24, 25, 26, 27, 28, 29, 30
local batch, once, metadata, webhook, line, custom_id = 31, 32, 33, 34, 35, 36

local FORM = '<BBBBI4I4I4I4I4i8i8i8i8i8d' .. 'i8i8BBI4i8i8I2c0I2c0I2c0I2c0I4c0' .. 'I2c0I2c0I4c0'
-- What few jobs have, and what never changes.
local MORE = '<I2c0I2c0I4c0I2c0I4I2c0'
local function read(bytes)
  local r = {struct.unpack(FORM, bytes)}
  if r[more] == '' then
    r[31], r[32], r[33], r[34], r[35], r[36] = '', '', '', '', 0, ''
  else
    r[31], r[32], r[33], r[34], r[35], r[36] = struct.unpack(MORE, r[more])
  end
  return r
end
local function pack(r)
  return struct.pack(FORM, 2, r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12],
    r[13], r[14], r[15], r[16], r[17], r[18], r[19], #r[23] + #r[24] + #r[25] + #r[26] + #r[27] + 12,
    r[21], r[22], #r[23], r[23], #r[24], r[24], #r[25], r[25], #r[26], r[26], #r[27], r[27], #r[28],
    r[28], #r[29], r[29], #r[30], r[30])
end
-- In the seed's keys as well; taken by a worker that is not one of ours. A result that such a one
-- left adds 4, and may be anything.
local function mirrored(r) return r[flags] % 2 == 1 end
local function foreign(r) return r[flags] % 4 >= 2 end

local function job_key(id) return P .. 'job:{' .. id .. '}' end
local function input_key(id, r)
  if mirrored(r) then return 'job:' .. id .. ':data' end
  return P .. 'input:{' .. id .. '}'
end
local function output_key(id, r)
  if mirrored(r) then return 'job:' .. id .. ':result' end
  return P .. 'output:{' .. id .. '}'
end
local function ended_key(r) return P .. 'ended:' .. r[state] .. ':' .. r[owner] end

-- A line of a batch lives as long as that, not as long as it would by itself.
local function is_line(r) return r[line] > 0 and r[batch] ~= '' end
local function batch_key(of) return P .. 'record:{' .. of .. '}' end
local function lines_key(which, of) return P .. 'lines:' .. which .. ':{' .. of .. '}' end
-- What has expired is gone, also while the keys are still there.
local expiry_of = {}
local function gone(r)
  if r[state] <= PROCESSING then return false end
  if not is_line(r) then return r[expires] <= now end
  local at = expiry_of[r[batch]] or tonumber(call('HGET', batch_key(r[batch]), 'expires') or 1)
  expiry_of[r[batch]] = at
  return at > 0 and at <= now
end

-- What others want to hear of, and what is counted; done once, at the end of a script.
local news, ready, counted = {}, {}, {}
-- Numbers as text, since most are small ones.
local text_of = setmetatable({}, {__index = function(known, number)
  local text = tostring(number)
  known[number] = text
  return text
end})
local function tell(id, r)
  news[#news + 1] = id .. ' ' .. text_of[r[state]] .. ' ' .. text_of[r[attempt]] .. ' ' ..
    text_of[r[revision]]
end
local function wake(name) ready[name] = true end
local to_deliver = false
-- Batches: by how much more of their lines are run, and those of which a line has ended.
local running, shorter = {}, {}
local function count(r, by)
  if r[state] > PROCESSING then return end
  if r[state] == PROCESSING and is_line(r) then
    running[r[batch]] = (running[r[batch]] or 0) + by
  end
  local field = r[state] .. r[callable]
  counted[field] = (counted[field] or 0) + by
end
-- BatchState; 3 is completed, 4 cancelled, 5 failed.
local RECEIVING, RUNNING, CANCELLING = 0, 1, 2
local function end_batch_if_done(of)
  local is = call('HMGET', batch_key(of), 'state', 'error')
  local was = tonumber(is[1])
  if was ~= RUNNING and was ~= CANCELLING or call('EXISTS', lines_key('open', of)) == 1 then
    return
  end
  local to = was == RUNNING and 3 or is[2] == '' and 4 or 5
  call('HSET', batch_key(of), 'state', to, 'finished', now, 'expires', now + RETENTION)
  call('ZREM', P .. 'batch-busy', of)
  call('ZADD', P .. 'batch-expiring', now + RETENTION, of)
end
-- Ids by when they go, in lists of those that go at about the same time: to push on a list costs a
-- fraction of what a member of a large sorted set does.
local GRAIN = math.max(1, math.floor(RETENTION / 1024))
local going = {}
local function let_go(id, at)
  at = math.ceil(at / GRAIN) * GRAIN
  local list = going[at]
  if not list then
    list = {}
    going[at] = list
  end
  list[#list + 1] = id
end
local function close()
  write_all()
  for at, ids in pairs(going) do
    local text = string.format('%.0f', at)
    each_part(ids, 'RPUSH', P .. 'expiring:' .. text)
    call('ZADD', P .. 'expiring', text, text)
  end
  for of, by in pairs(running) do
    if by ~= 0 then call('HINCRBY', batch_key(of), 'processing', by) end
  end
  for of in pairs(shorter) do end_batch_if_done(of) end
  for field, by in pairs(counted) do
    if by ~= 0 then call('HINCRBY', P .. 'counts', field, by) end
  end
  for name in pairs(ready) do news[#news + 1] = '!' .. name end
  if to_deliver then news[#news + 1] = '@' end
  if #news == 0 then return '' end
  local text = table.concat(news, '\n')
  call('PUBLISH', CHANNEL, NODE .. '\n' .. text)
  return text
end

-- Records as they are after what this script did to them; false: there is none.
local records = {}
local function load(id)
  local known = records[id]
  if known == nil then
    known = call('GET', job_key(id))
    records[id] = known
  end
  return known
end
local function load_all(ids)
  local keys, before = {}, P .. 'job:{'
  for i = 1, #ids do keys[i] = before .. ids[i] .. '}' end
  for i = 1, #ids, PART do
    local found = call('MGET', unpack(keys, i, math.min(i + PART - 1, #ids)))
    for k = 1, #found do
      local id = ids[i + k - 1]
      if records[id] == nil then records[id] = found[k] end
    end
  end
end
-- The bytes that are kept.
local function save(id, r)
  local bytes = pack(r)
  records[id] = bytes
  put(job_key(id), bytes)
  return bytes
end
local function mirror(id, r)
  if not mirrored(r) then return end
  put('job:' .. id .. ':status', STATUS[r[state]])  -- drop() takes it away
end

-- Does it wait in the seed's list?
local function in_seed(r)
  return mirrored(r) and r[priority] == 1 and r[callable] == SEED_CALLABLE and SEED_LIST ~= ''
end

-- Into its queue: to the end, or to the head, where the next is taken from. It is not held back any
-- more (not_before is 0), also when the clock is set back afterwards.
local function enqueue(id, r, head)
  wake(r[callable])
  if r[deadline] > 0 then call('ZADD', P .. 'overdue', r[deadline], id) end
  if in_seed(r) then
    local score = r[seq]
    if head then
      local first = call('ZRANGE', P .. 'seed', 0, 0, 'WITHSCORES')[2]
      if first and tonumber(first) <= score then score = first - 1 end
    end
    call(head and 'RPUSH' or 'LPUSH', SEED_LIST, id)
    call('ZADD', P .. 'seed', score, id)
    return
  end
  local ring = P .. '{' .. r[callable] .. '}:' .. PRIORITY[r[priority]]
  if call(head and 'RPUSH' or 'LPUSH', ring .. ':' .. r[tenant], id) == 1 then
    call('ZADD', ring, 0, r[tenant])
  end
end

local function give_up_lease(id, r)
  if r[state] ~= PROCESSING then return end
  zdrop(P .. 'leases', id)
  if foreign(r) then
    call('ZREM', P .. 'away', id)
    r[flags] = r[flags] - 2
  end
  r[worker], r[lease] = '', 0
end

-- It has ended: how long what there is of it stays, and where it is found.
local function keep_ended(id, r)
  zdrop(P .. 'live:' .. r[owner], id)
  zput(ended_key(r), r[seq], id)
  if is_line(r) then
    call('ZREM', lines_key('open', r[batch]), id)
    call('ZADD', lines_key(r[state], r[batch]), r[line], id)
    shorter[r[batch]] = true
    if r[state] ~= FAILED then wipe(input_key(id, r)) end
    return
  end
  if r[state] == FAILED then
    call('PEXPIRE', input_key(id, r), RETENTION)
  else
    wipe(input_key(id, r))
  end
  if r[once] ~= '' then call('PEXPIRE', P .. 'once:' .. r[once], RETENTION) end
  let_go(id, r[expires])
end

-- The job is over, with its expiry and its place in the lists.
local function finish_job(id, r, to)
  count(r, -1)
  give_up_lease(id, r)
  if r[state] == PENDING then
    if r[not_before] > 0 then call('ZREM', P .. 'delayed', id) end
    -- So that no foreign worker finds it; a list of ours passes over it when its turn comes.
    if in_seed(r) and call('ZREM', P .. 'seed', id) == 1 and
        call('LLEN', SEED_LIST) <= DEEPEST then
      call('LREM', SEED_LIST, 0, id)
    end
  end
  if r[deadline] > 0 then call('ZREM', P .. 'overdue', id) end
  r[state], r[finished], r[expires], r[not_before] = to, now, now + RETENTION, 0
  r[partial] = ''
  if is_line(r) then r[expires] = 0 end
  r[revision] = r[revision] + 1
  local bytes = save(id, r)
  keep_ended(id, r)
  if r[webhook] ~= '' then
    call('ZADD', P .. 'deliveries', now, id)
    to_deliver = true
  end
  mirror(id, r)
  tell(id, r)
  return bytes
end

local function back_to_queue(id, r, when)
  if when <= now then when = 0 end
  count(r, -1)
  give_up_lease(id, r)
  r[state], r[not_before], r[progress], r[partial] = PENDING, when, 0, ''
  r[revision] = r[revision] + 1
  count(r, 1)
  local bytes = save(id, r)
  mirror(id, r)
  tell(id, r)
  if when > 0 then
    call('ZADD', P .. 'delayed', when, id)
    if r[deadline] > 0 then call('ZADD', P .. 'overdue', r[deadline], id) end
  else
    enqueue(id, r, true)
  end
  return bytes
end

-- It waits or is run, and its deadline has passed.
local function is_late(r) return r[deadline] > 0 and r[deadline] <= now end
local function pass_deadline(id, r)
  r[error_code], r[error_text] = TIMEOUT, r[state] == PROCESSING and
    'its deadline passed while it was run' or r[attempt] > 0 and
    'its deadline passed before it could be run again' or
    'its deadline passed before a worker was free'
  return finish_job(id, r, FAILED)
end
-- No lease goes beyond the deadline.
local function lease_end(r, how_long)
  return r[deadline] > 0 and math.min(r[deadline], now + how_long) or now + how_long
end

local function lose_lease(id, r)
  if is_late(r) then return pass_deadline(id, r) end
  r[lost] = r[lost] + 1
  if r[lost] >= POISON then
    r[error_code] = INTERNAL
    r[error_text] = r[lost] ..
      ' workers in turn stopped while they had this job; it is not given to another'
    finish_job(id, r, FAILED)
  else
    back_to_queue(id, r, 0)
  end
end

-- Nothing is left of it.
local function drop(id, r)
  records[id] = false
  unlink(job_key(id), input_key(id, r), output_key(id, r))
  if mirrored(r) then unlink('job:' .. id .. ':status') end
  if r[once] ~= '' then unlink(P .. 'once:' .. r[once]) end
  if r[batch] ~= '' then call('ZREM', P .. 'batch:' .. r[batch], id) end
  if r[webhook] ~= '' then
    call('ZREM', P .. 'deliveries', id)
    call('HDEL', P .. 'tries', id)
  end
  zdrop(ended_key(r), id)
end

local owners = {}
local function know_owner(of)
  if owners[of] then return end
  owners[of] = true
  call('SADD', P .. 'owners', of)
end
local function list_as_live(id, r)
  zput(P .. 'live:' .. r[owner], r[seq], id)
  know_owner(r[owner])
end
)lua";

}  // namespace sluice::jobs::lua
