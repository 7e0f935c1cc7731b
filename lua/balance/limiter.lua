-- SPDX-License-Identifier: MIT
--- The rate limit: at most `rate` requests a second for one key.
--
-- A key's bucket has `rate` tokens, and each comes back a second after it was
-- taken: that many requests may go at once, and never more in any one second.
-- Requests take the tokens in turn, and wait for one that is not back yet. The
-- turn is a counter. In a shared dict `incr` moves it, which is atomic: no two
-- workers get the same token.
-- @module balance.limiter

local core = require "balance.core"
local text = require "balance.text"

local _M = {}

--- How many buckets are kept in the process; with more, idle ones are removed.
_M.max_keys = 1000

local buckets = {} -- by key: { turn, period, last, times (by turn) }
local count = 0

-- An idle bucket, whose tokens are all back, is the same as a new one.
local function remove_idle(period, now)
  for key, bucket in pairs(buckets) do
    if bucket.last + math.max(period, bucket.period) <= now then
      buckets[key] = nil
      count = count - 1
    end
  end
end

local function bucket_of(key, period, now)
  if not buckets[key] then
    if count >= _M.max_keys then
      remove_idle(period, now)
    end
    buckets[key] = { turn = 0, period = period, last = now, times = {} }
    count = count + 1
  end
  return buckets[key]
end

-- When the next token is back, and a function that takes it.
local function next_here(key, tokens, period, now)
  local bucket = bucket_of(key, period, now)
  local turn = bucket.turn % tokens + 1
  local taken = bucket.times[turn]
  local time = taken and math.max(now, taken + period) or now
  return time, function()
    bucket.turn, bucket.times[turn], bucket.last = turn, time, time
  end
end

local max_wait = 86400 -- seconds; no call waits longer for its turn

-- When a token was taken. Others may write to the dict: a value that cannot be
-- a time of ours is ignored.
local function time_of(taken, now)
  return type(taken) == "number" and taken <= now + max_wait and taken or nil
end

-- Where `rate` other workers come between `get` and `set`, one token may be
-- taken twice.
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

--- Waits for a key's turn, without blocking.
-- @tparam table settings `rate`: requests a second, false: no limit; `limit`:
-- how long to wait at most, seconds; `dict`: an ngx.shared.DICT that the
-- workers share (a table of this process); `now`: the clock, the same one for
-- all that share the dict (the monotonic one)
-- @tparam string key whose requests are counted. It is kept: no secret
-- @tparam table loop see `balance.loop`
-- @treturn ?number how long it waited, seconds; nil where that would have
-- been more than `limit`
-- @treturn ?number then, how long
function _M.wait(settings, key, loop)
  local rate = settings.rate
  if rate == false then
    return 0
  end
  local tokens = math.max(math.floor(rate), 1)
  local period = tokens / rate -- a second, where the rate is whole
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
