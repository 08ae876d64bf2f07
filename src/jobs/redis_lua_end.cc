#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// For each attempt: id, attempt, how it ended (c, f or r), output or error, its code or the cause,
// "1" where another attempt is worth it, a random number below one. Answers two for each: what
// stands against it ("missing", "lost", the state of a job that is over) or "", and the record.
// Those that kFinishPlain has dealt with are answered already; the places of others are in `rest`.
const std::string_view kFinish = R"lua(
-- kOutagesAtHead and kLongestAside of machine.h.
local AT_HEAD, LONGEST_ASIDE = 6, 60000
local function settle(id, of_attempt, how, text, code, again, random)
  local bytes = load(id)
  local r = bytes and read(bytes)
  if not r or gone(r) then return 'missing' end
  if r[state] > PROCESSING then return STATUS[r[state]] end
  if r[state] ~= PROCESSING or r[attempt] ~= of_attempt or foreign(r) then return 'lost' end
  if how == 'c' then
    if is_late(r) then return 'lost' end
    if is_line(r) then
      put(output_key(id, r), text)
    else
      put_for(output_key(id, r), text, RETENTION)
    end
    r[progress], r[error_code], r[error_text] = 1, NO_ERROR, ''
    return '', finish_job(id, r, COMPLETED)
  elseif how == 'f' then
    r[failures] = r[failures] + 1
    r[error_code], r[error_text] = tonumber(code), text
    if again ~= '1' or r[failures] > RETRIES then return '', finish_job(id, r, FAILED) end
    if is_late(r) then return '', pass_deadline(id, r) end
    local full = math.min(RETRY_BASE * 2 ^ math.min(r[failures] - 1, 30), RETRY_LONGEST)
    return '', back_to_queue(id, r, now + full - math.floor(full * random / 2))
  end
  local aside = 0
  if code == 'outage' then
    r[outages] = r[outages] + 1
    if r[outages] > AT_HEAD then
      aside = now + math.min(RETRY_BASE * 2 ^ math.min(r[outages] - AT_HEAD - 1, 30), RETRY_LONGEST,
        LONGEST_ASIDE)
    end
  end
  if is_late(r) then return '', pass_deadline(id, r) end
  return '', back_to_queue(id, r, aside)
end
local ids = {}
for i = 1, #rest do ids[i] = ARGV[FIRST + 7 * (rest[i] - 1)] end
load_all(ids)
for i = 1, #rest do
  local at = FIRST + 7 * (rest[i] - 1)
  local against, record = settle(ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3],
    ARGV[at + 4], ARGV[at + 5], tonumber(ARGV[at + 6]))
  answers[2 * rest[i] - 1], answers[2 * rest[i]] = against, record or ''
end
local text = close()
return {told == '' and text or text == '' and told or told .. '\n' .. text, answers}
)lua";

// id, attempt, progress or "", "1" where there is a partial output, that. Answers as kFinish.
const std::string_view kProgress = R"lua(
local id, bytes = ARGV[FIRST], load(ARGV[FIRST])
local r = bytes and read(bytes)
local against = ''
if not r then
  against = 'missing'
elseif r[state] > PROCESSING then
  against = STATUS[r[state]]
elseif r[state] ~= PROCESSING or r[attempt] ~= tonumber(ARGV[FIRST + 1]) then
  against = 'lost'
else
  local share = tonumber(ARGV[FIRST + 2]) or r[progress]
  local part = ARGV[FIRST + 3] == '1' and ARGV[FIRST + 4] or r[partial]
  if share ~= r[progress] or part ~= r[partial] then
    r[progress], r[partial], r[revision] = share, part, r[revision] + 1
    save(id, r)
    tell(id, r)
  end
end
return {close(), {against, ''}}
)lua";

// id. Answers as kFinish.
const std::string_view kCancel = R"lua(
local id = ARGV[FIRST]
local r = find(id)
local against = ''
if not r then
  against = 'missing'
elseif r[state] <= PROCESSING then
  finish_job(id, r, CANCELLED)
elseif r[state] ~= CANCELLED then
  against = STATUS[r[state]]
end
return {close(), {against, r and pack(r) or ''}}
)lua";

// What time brings, at most so many of each kind. Answers 1 when there is more to do now.
const std::string_view kTend = R"lua(
local MOST, WINDOW = 256, 64
local more = 0
local function due(key, last, handle)
  local ids = call('ZRANGEBYSCORE', key, '-inf', last, 'LIMIT', 0, MOST)
  if #ids == MOST then more = 1 end
  load_all(ids)
  for i = 1, #ids do
    local bytes = load(ids[i])
    local r = bytes and read(bytes)
    if not (r and handle(ids[i], r)) then call('ZREM', key, ids[i]) end
  end
end

due(P .. 'leases', now, function(id, r)
  if r[state] ~= PROCESSING or r[lease] > now then return false end
  if not (foreign(r) and adopt_end(id, r, true)) then lose_lease(id, r) end
  return true
end)
due(P .. 'overdue', now, function(id, r)
  if r[state] ~= PENDING then return false end
  pass_deadline(id, r)
  return true
end)
due(P .. 'delayed', now, function(id, r)
  if r[state] ~= PENDING then return false end
  r[not_before] = 0
  save(id, r)
  tell(id, r)
  enqueue(id, r, true)
  return false
end)

-- Of those whose record went by itself meanwhile it is not known where they are listed.
-- A job may have begun again under its id, and then goes another time.
local orphans, last = {}, call('ZRANGEBYSCORE', P .. 'expiring', '-inf', now, 'LIMIT', 0, 1)[1]
if last then
  more = 1
  local ids = call('LPOP', P .. 'expiring:' .. last, MOST) or {}
  if #ids < MOST then call('ZREM', P .. 'expiring', last) end
  load_all(ids)
  for i = 1, #ids do
    local bytes = load(ids[i])
    local r = bytes and read(bytes)
    if not r then
      orphans[#orphans + 1] = ids[i]
    elseif r[state] > PROCESSING and not is_line(r) and r[expires] <= tonumber(last) then
      drop(ids[i], r)
    end
  end
end
if #orphans > 0 then
  local owners = call('SMEMBERS', P .. 'owners')
  for i = 1, #owners do
    for to = COMPLETED, CANCELLED do
      call('ZREM', P .. 'ended:' .. to .. ':' .. owners[i], unpack(orphans))
    end
  end
end

if SEED_LIST ~= '' then
  -- From the oldest on: strangers' ids come before the first that is known.
  local tail, known = call('LINDEX', SEED_LIST, -1), call('ZRANGE', P .. 'seed', 0, 0)[1]
  if tail ~= known and (tail or known) then
    local limit = tail and call('ZSCORE', P .. 'seed', tail)
    local strangers = {}
    if tail and not limit then
      local window = call('LRANGE', SEED_LIST, -WINDOW, -1)
      for i = #window, 1, -1 do
        limit = call('ZSCORE', P .. 'seed', window[i])
        if limit then break end
        strangers[#strangers + 1] = window[i]
      end
    end
    if limit or not tail then
      local left = call('ZRANGEBYSCORE', P .. 'seed', '-inf', limit and '(' .. limit or '+inf',
        'LIMIT', 0, MOST)
      if #left == MOST then more = 1 end
      for i = 1, #left do
        local bytes = load(left[i])
        local r = bytes and read(bytes)
        if r and r[state] == PENDING then
          if not adopt_end(left[i], r) then lend(left[i], r) end
        else
          call('ZREM', P .. 'seed', left[i])
        end
      end
    end
    local first = call('ZRANGE', P .. 'seed', 0, 0, 'WITHSCORES')[2]
    local score = (first or call('GET', P .. 'seq') or 0) - #strangers
    for i = 1, #strangers do
      local id = strangers[i]
      if is_job_id(id) then
        local bytes = load(id)
        local r = bytes and read(bytes)
        if not r and call('EXISTS', 'job:' .. id .. ':data') == 1 then r = adopt(id, 0) end
        if r and r[state] == PROCESSING and foreign(r) then
          count(r, -1)
          give_up_lease(id, r)
          r[state] = PENDING
          count(r, 1)
          save(id, r)
        end
        if r and r[state] == PENDING then call('ZADD', P .. 'seed', score + i - 1, id) end
      end
    end
  end
  local away = call('ZRANGE', P .. 'away', 0, MOST - 1)
  for i = 1, #away do
    local bytes = load(away[i])
    local r = bytes and read(bytes)
    if not (r and r[state] == PROCESSING and foreign(r)) then
      call('ZREM', P .. 'away', away[i])
    elseif not adopt_end(away[i], r) then
      call('ZADD', P .. 'away', now, away[i])
    end
  end
end
return {close(), {more}}
)lua";

}  // namespace sluice::jobs::lua
