#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// What every script begins with: its arguments, the time, and its writes. A command costs the
// server several times what its work does, so most writes are gathered and go out together in
// close(). What is gathered is not to be read before that but by load(); of two texts in one place
// the last counts.
const std::string_view kHead = R"lua(
local call, P = redis.call, KEYS[1]
local NODE, CHANNEL = ARGV[2], ARGV[3]
local RETENTION, RETRIES, RETRY_BASE, RETRY_LONGEST, POISON =
  tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local SEED_LIST, SEED_CALLABLE, SEED_FORMAT, SEED_TIMEOUT =
  ARGV[9], ARGV[10], ARGV[11], tonumber(ARGV[12])
local FIRST = 13

local now = tonumber(ARGV[1])
if not now then
  local at = call('TIME')
  now = at[1] * 1000 + math.floor(at[2] / 1000)
end

-- Texts to be set (those that nothing else in the script sets may go straight into `texts`, which
-- MSET gets as it is), and keys to be deleted; members that leave sorted sets, and those that come in.
-- What leaves goes before what comes: who adds and takes out again in one script adds at once.
local texts, sets, dels, leaving, coming = {}, {}, {}, {}, {}
local function put(key, value) sets[key] = value end
local function wipe(key)
  sets[key] = nil
  dels[#dels + 1] = key
end
-- Set at once, since it is to expire.
local function put_for(key, value, how_long)
  sets[key] = nil
  call('SET', key, value, 'PX', how_long)
end
local function zput(key, score, member)
  local list = coming[key]
  if not list then
    list = {}
    coming[key] = list
  end
  local n = #list
  list[n + 1], list[n + 2] = score, member
end
local function zdrop(key, member)
  local list = leaving[key]
  if not list then
    list = {}
    leaving[key] = list
  end
  list[#list + 1] = member
end
local function unlink(...)
  for _, key in ipairs({...}) do sets[key] = nil end
  call('DEL', ...)
end
-- In parts: Lua takes no more than some thousand arguments.
local PART = 2000
local function each_part(list, command, key)
  for i = 1, #list, PART do
    local last = math.min(i + PART - 1, #list)
    if key then call(command, key, unpack(list, i, last)) else call(command, unpack(list, i, last)) end
  end
end
-- First what needs memory: a full server refuses it, and then nothing has been done.
local function write_all()
  local list, n = texts, #texts
  for key, value in pairs(sets) do
    list[n + 1], list[n + 2] = key, value
    n = n + 2
  end
  each_part(list, 'MSET')
  for key, members in pairs(leaving) do each_part(members, 'ZREM', key) end
  for key, members in pairs(coming) do each_part(members, 'ZADD', key) end
  each_part(dels, 'DEL')
  texts, sets, dels, leaving, coming = {}, {}, {}, {}, {}
end
)lua";

}  // namespace sluice::jobs::lua
