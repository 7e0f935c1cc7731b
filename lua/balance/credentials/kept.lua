-- SPDX-License-Identifier: MIT
--- Temporary keys, kept in the process until shortly before they expire.
-- @module balance.credentials.kept

local core = require "balance.core"
local flight = require "balance.flight"

local _M = {}

--- The monotonic clock, in seconds; a spec puts its own here.
_M.now = core.now

-- Keys are renewed when less than `renew_before` is left. Where that fails
-- they are used until they expire, and renewed again not before `retry_after`.
local renew_before, retry_after = 300, 5 -- seconds

local max_left = 86400 -- seconds, whatever an answer says

-- By key: { set, ends, tried }, seconds of the clock above.
local kept = {}

local names = { "secret_id", "secret_key", "token" }
local max_value = 16384 -- bytes, as of any option

--- Whether an answer has an id, a key and a token that can be used, and a time
-- when they expire.
-- @tparam table set
-- @param expires
-- @treturn boolean
function _M.is_complete(set, expires)
  for _, name in ipairs(names) do
    local value = set[name]
    if type(value) ~= "string" or #value > max_value
      or not value:find "^[!-~\128-\255]+$" then
      return false
    end
  end
  return type(expires) == "number"
end

--- For how long keys are good, by the service's clock where its answer has the
-- time: this machine's may be wrong.
-- @tparam number expires Unix seconds
-- @tparam ?string date the answer's Date
-- @tparam table context see `balance.credentials.context`
-- @treturn number seconds
function _M.left(expires, date, context)
  local now = date and core.date(date) or context.now()
  return math.min(expires - now, max_left)
end

local function keep(key, set, left)
  local now = _M.now()
  for other, entry in pairs(kept) do
    if entry.ends <= now then
      kept[other] = nil
    end
  end
  kept[key] = { set = set, ends = now + left, tried = now }
  return kept[key]
end

local function renew(key, fetch, deadline)
  local set, left, about = fetch(deadline)
  if set and left > 0 then
    return keep(key, set, left)
  end
  local old, now = kept[key], _M.now()
  if old and old.ends > now then
    old.tried = now
    return old
  end
  return nil, set and "the keys that came have expired" or left, about
end

local function is_due(entry, refused)
  local now = _M.now()
  local is_old = entry.ends - now <= renew_before
    or entry.set.token == refused
  return entry.ends <= now or is_old and now - entry.tried >= retry_after
end

-- Whether a set that is due is used while somebody else fetches the next.
local function will_do(entry, refused)
  return entry and entry.ends > _M.now() and entry.set.token ~= refused
end

--- The set that is kept under a key. One that is due is fetched, once for all
-- calls that need it at that moment.
-- @tparam string key
-- @tparam number limit seconds for all of it
-- @tparam table context see `balance.credentials.context`
-- @tparam function fetch gets the time of `core.now` when it must have ended;
-- returns a set and for how many seconds it is good, or nil, why not and where
-- known a table with the failure's fields
-- @treturn ?table the set; nil where there is none
-- @treturn ?string then, why not
-- @treturn ?table then, the failure's fields
function _M.get(key, limit, context, fetch)
  local entry, why, about = kept[key], nil, nil
  if not context.asks then
    return nil, "nobody was asked"
  elseif will_do(entry, context.refused) and flight.is_led(key) then
    return entry.set
  elseif not entry or is_due(entry, context.refused) then
    local deadline = core.now() + limit
    entry, why, about = flight.run(key, context.loop, limit, function()
      return renew(key, fetch, deadline)
    end)
  end
  if not entry then
    return nil, why, about and core.copy(about) -- a copy for each caller
  end
  return entry.set
end

return _M
