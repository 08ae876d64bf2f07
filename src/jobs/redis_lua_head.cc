#include "jobs/redis_lua.h"

namespace sluice::jobs::lua {

// What every script begins with: its arguments, the time, and its writes. A command costs the
// server several times what its work does, so most writes are gathered and go out together in
// close(). What is gathered is not to be read before that but by load(); of two writes to one place
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

-- Texts to be set, to be deleted; of sorted sets the members to be added (by their score) or taken
-- out (false).
local sets, dels, members = {}, {}, {}
local function put(key, value) sets[key], dels[key] = value, nil end
local function wipe(key) sets[key], dels[key] = nil, true end
-- Set at once, since it is to expire.
local function put_for(key, value, how_long)
  sets[key], dels[key] = nil, nil
  call('SET', key, value, 'PX', how_long)
end
local function zput(key, score, member)
  local known = members[key]
  if not known then
    known = {}
    members[key] = known
  end
  known[member] = score
end
local function zdrop(key, member) zput(key, false, member) end
local function unlink(...)
  for _, key in ipairs({...}) do sets[key], dels[key] = nil, nil end
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
  local list = {}
  for key, value in pairs(sets) do list[#list + 1], list[#list + 2] = key, value end
  each_part(list, 'MSET')
  for key, known in pairs(members) do
    list = {}
    for member, score in pairs(known) do
      if score then list[#list + 1], list[#list + 2] = score, member end
    end
    each_part(list, 'ZADD', key)
  end
  for key, known in pairs(members) do
    list = {}
    for member, score in pairs(known) do
      if not score then list[#list + 1] = member end
    end
    each_part(list, 'ZREM', key)
  end
  list = {}
  for key in pairs(dels) do list[#list + 1] = key end
  each_part(list, 'DEL')
  sets, dels, members = {}, {}, {}
end
)lua";

}  // namespace sluice::jobs::lua
