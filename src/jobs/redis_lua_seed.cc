#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// The seed's own programs beside ours: proxies that know three keys and a list, and workers that
// take an id off the list and are not heard of until a result is there. In `seed` stands every id
// of ours in the list, in the list's order; so what comes before the list's oldest has left it.
const std::string_view kSeed = R"lua(
-- What was in the list instead of an id.
local no_ids = {}
local function is_job_id(id) return #id > 0 and #id <= 64 and not string.find(id, '[^%w_-]') end

-- A job that another program handed in.
local function adopt(id, last_attempt)
  local number = call('INCR', P .. 'seq')
  local r = {2, PENDING, 1, NO_ERROR, last_attempt, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, number, now, 1, 0,
    0, 0, 0, SEED_CALLABLE, SEED_FORMAT, '', '', '', '', '', '', '', '', '', '', 0, ''}
  count(r, 1)
  save(id, r)
  -- At once, since it may turn out to be over.
  call('ZADD', P .. 'live:', number, id)
  know_owner('')
  return r
end

-- It has left the list, and no lease of ours is on it.
local function lend(id, r)
  count(r, -1)
  r[state], r[attempt], r[worker], r[flags] = PROCESSING, r[attempt] + 1, 'foreign', r[flags] + 2
  r[started], r[lease], r[not_before] = now, lease_end(r, SEED_TIMEOUT), 0
  r[revision] = r[revision] + 1
  count(r, 1)
  save(id, r)
  call('ZREM', P .. 'seed', id)
  call('ZADD', P .. 'leases', r[lease], id)  -- at once: it may turn out to be over
  call('ZADD', P .. 'away', now, id)
  tell(id, r)
end

-- What such a worker says of a job that is not over and not ours. True: it is over now. One that
-- said that it began will say how it ended, after the result; unless it never does.
local function adopt_end(id, r, late)
  local said = call('MGET', 'job:' .. id .. ':status', 'job:' .. id .. ':result')
  local status, result = said[1], said[2]
  if status == 'failed' then
    r[failures] = r[failures] + 1
    r[error_code], r[error_text] = INTERNAL, 'the worker that had this job says that it failed'
    if result then
      local ok, told = pcall(cjson.decode, result)
      if ok and type(told) == 'table' and type(told['error']) == 'string' then
        r[error_text] = string.sub(told['error'], 1, 4096)
      end
    end
    finish_job(id, r, FAILED)
  elseif status == 'cancelled' then
    finish_job(id, r, CANCELLED)
  elseif result and (late or status ~= 'processing') then
    r[progress], r[error_code], r[error_text] = 1, NO_ERROR, ''
    call('PEXPIRE', 'job:' .. id .. ':result', RETENTION)
    if r[flags] < 4 then r[flags] = r[flags] + 4 end
    finish_job(id, r, COMPLETED)
  else
    return false
  end
  return true
end

-- An id that was taken off the list and out of `seed`: its record when it can be claimed.
local function taken(id)
  if not is_job_id(id) then
    if #no_ids < 16 then no_ids[#no_ids + 1] = string.gsub(string.sub(id, 1, 80), '%c', '?') end
    return nil
  end
  local bytes = load(id)
  if not bytes then
    local said = call('MGET', 'job:' .. id .. ':status', 'job:' .. id .. ':result',
      'job:' .. id .. ':data')
    if said[2] or said[1] == 'completed' or said[1] == 'failed' or said[1] == 'cancelled' then
      return nil
    end
    local r = adopt(id, 0)
    if said[3] then return r end
    r[error_code], r[error_text] = INTERNAL, 'its input was not there: job:' .. id .. ':data'
    finish_job(id, r, FAILED)
    return nil
  end
  local r = read(bytes)
  if r[state] > PROCESSING then
    -- The seed's ids are short: another job may come under one that was used. Its data is there
    -- again; that of a failed job never went, but its status is another.
    local said = call('MGET', 'job:' .. id .. ':status', 'job:' .. id .. ':data')
    if not said[2] or (r[state] == FAILED and said[1] == 'failed') then return nil end
    zdrop(ended_key(r), id)
    unlink('job:' .. id .. ':result')
    return adopt(id, r[attempt])
  end
  if r[state] == PROCESSING then
    if not foreign(r) then return nil end
    count(r, -1)
    give_up_lease(id, r)
    r[state] = PENDING
    count(r, 1)
  end
  if r[not_before] > now then return nil end
  return r
end

-- The record of a job, with what other programs did to it meanwhile; nil: there is none.
local function find(id)
  local bytes = load(id)
  if bytes then
    local r = read(bytes)
    if r[state] > PROCESSING then
      if gone(r) then return nil end
    elseif mirrored(r) and (r[state] == PENDING or foreign(r)) then
      adopt_end(id, r)
    end
    return r
  end
  if SEED_LIST == '' then return nil end
  local said = call('MGET', 'job:' .. id .. ':data', 'job:' .. id .. ':status',
    'job:' .. id .. ':result')
  if not said[3] and (not said[1] or said[2] == 'completed') then return nil end
  local r = adopt(id, 0)
  if not adopt_end(id, r) and call('LLEN', SEED_LIST) <= DEEPEST and
      not call('LPOS', SEED_LIST, id) then
    lend(id, r)
  end
  return r
end
)lua";

}  // namespace sluice::jobs::lua
