-- SPDX-License-Identifier: MIT
--- Not more than so many requests a second for one key.
--
-- A bucket has `rate` tokens, and each is back a second after it was taken:
-- so many requests may go at once, and never more in any one second. Requests
-- take the tokens in turn, and wait where theirs is not back yet. The turn is
-- a counter. In a shared dict it is moved by `incr`, which is atomic, so that
-- no two workers have the same token.
-- @module balance.limiter

local core = require "balance.core"
local text = require "balance.text"

local _M = {}

--- Requests a second, where the settings say nothing.
_M.rate = 20

--- How many keys are kept in the process; beyond it, idle ones go.
_M.most_keys = 1000

local buckets = {} -- by key: { turn, times of the tokens by turn }
local count = 0

-- A bucket whose tokens are all back is as good as a new one.
local function forget_idle(period, now)
  for key, bucket in pairs(buckets) do
    if bucket.last + math.max(period, bucket.period) <= now then
      buckets[key] = nil
      count = count - 1
    end
  end
end

local function bucket_of(key, period, now)
  if not buckets[key] then
    if count >= _M.most_keys then
      forget_idle(period, now)
    end
    buckets[key] = { turn = 0, period = period, last = now, times = {} }
    count = count + 1
  end
  return buckets[key]
end

-- When the next token can be had, and a function that takes it.
local function next_here(key, tokens, period, now)
  local bucket = bucket_of(key, period, now)
  local turn = bucket.turn % tokens + 1
  local taken = bucket.times[turn]
  local time = taken and math.max(now, taken + period) or now
  return time, function()
    bucket.turn, bucket.times[turn], bucket.last = turn, time, time
  end
end

local farthest = 86400 -- seconds; no call waits longer for its turn

-- Others may write to a dict: what is no time that we put there is no token's.
local function time_of(taken, now)
  return type(taken) == "number" and taken <= now + farthest and taken or nil
end

-- Should `rate` workers come between these steps of another, one of them sees
-- its token as it was before.
local function next_in_dict(dict, key, tokens, period, now)
  local turn = dict:incr(key, 1, 0)
  if type(turn) ~= "number" or turn % 1 ~= 0 then
    return nil
  end
  local token = ("%s:%d"):format(key, turn % tokens)
  local taken = time_of(dict:get(token), now)
  local time = taken and math.max(now, taken + period) or now
  return time, function()
    dict:set(token, time, time - now + period)
  end
end

---@class balance.LimiterSettings
---@field rate? number|false requests a second (20)
---@field limit? number seconds to wait at most
---@field dict? table an ngx.shared.DICT
---@field now? fun(): number

--- Waits for a key's turn, without blocking.
-- @tparam table settings `rate`: requests a second (20), false: no limit;
-- `limit`: how long to wait at most, seconds; `dict`: an ngx.shared.DICT that
-- the workers share (a table of this process); `now`: the clock, which all
-- who share the dict must have in common
-- @tparam string key whose requests are counted: no secret, for it is kept
-- @tparam table loop see `balance.loop`
-- @treturn ?number how long it waited, seconds; nil where that would have
-- been more than `limit`
-- @treturn ?number then, how long
---@param settings balance.LimiterSettings
---@param key string
---@param loop balance.Loop
---@return number?
---@return number?
function _M.wait(settings, key, loop)
  local rate = settings.rate
  if rate == false then
    return 0
  end
  rate = rate or _M.rate
  local tokens = math.max(math.floor(rate), 1)
  local period = tokens / rate -- a second, but for a broken rate
  local clock = settings.now or core.now
  local name = ("balance:rate:%s:%s"):format(text.of_number(rate), key)

  local now = clock()
  local time, take
  if settings.dict then
    time, take = next_in_dict(settings.dict, name, tokens, period, now)
  end
  if not time then -- no dict, or a full one
    time, take = next_here(name, tokens, period, now)
  end
  if settings.limit and time - now > settings.limit then
    return nil, time - now
  end
  take()
  local waited = 0
  while now + waited < time do
    loop.sleep(time - now - waited)
    waited = clock() - now
  end
  return waited
end

return _M
