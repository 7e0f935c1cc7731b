-- SPDX-License-Identifier: MIT
--- Refreshes the record of a cache's entry. One refreshes for all: in this
-- process by `balance.flight`, across processes by a lock, which is a key of
-- its own that only one can `add`. Where it fails, that is remembered in the
-- record, and nobody asks again for a while.
--
-- An entry is `balance.cache`'s. Here it also gets its `lock`, a name; the
-- `token`, where the lock is its own; and when it `started`.
-- @module balance.refresh

local core = require "balance.core"
local flight = require "balance.flight"
local records = require "balance.record"
local retry = require "balance.retry"

local _M = {}

local lock_margin = 1 -- seconds that a lock outlives the call
local min_pause, max_pause = 0.005, 0.1 -- seconds between two looks at a lock

-- The longest pause after a failure; it doubles with each failure in a row.
local first_rest, first_auth_rest, max_rest = 2, 10, 60 -- seconds
local max_retry_after = 86400 -- seconds
local max_failures = 32 -- in a row; more make no difference

-- The lock -----------------------------------------------------------------------

-- The locks of this process, by store and name: { token, owner, deadline }.
local held = setmetatable({}, { __mode = "k" })

local function hold(entry)
  local now, locks = flight.now(), held[entry.store] or {}
  for name, lock in pairs(locks) do
    if lock.deadline <= now then -- nobody asked for it any more
      locks[name] = nil
    end
  end
  held[entry.store] = locks
  locks[entry.lock] = {
    token = entry.token, owner = flight.owner(),
    deadline = now + entry.limit + lock_margin,
  }
end

-- Only the owner releases a lock. Should it expire and become another's just
-- between these two steps, there is one request more.
local function release(entry, token)
  local locks = held[entry.store]
  local lock = locks and locks[entry.lock]
  if lock and lock.token == token then
    locks[entry.lock] = nil
  end
  if token and entry:ask("get", entry.lock) == token then
    entry:ask("delete", entry.lock)
  end
end

local function give_back(entry)
  local token = entry.token
  entry.token = nil
  release(entry, token)
end

-- Releases a lock whose owner, of this process, is gone. Returns whether there
-- was one.
local function take_over(entry)
  local lock = held[entry.store] and held[entry.store][entry.lock]
  if not lock or not flight.is_gone(lock.owner) then
    return false
  end
  release(entry, lock.token)
  return true
end

-- Takes the lock. Returns whether the entry has it, and why not.
local function take(entry)
  if entry.token then
    return true
  end
  local token = ("%.0f-%.0f"):format(core.random() * 2 ^ 32,
    core.random() * 2 ^ 32)
  local added, err
  repeat
    added, err = entry:ask("add", entry.lock, token,
      entry.limit + lock_margin)
    entry.token = added and token or nil
  until added or err ~= "exists" or not take_over(entry)
  return added, err
end

-- Waits for the lock, or for what its owner fetches. Returns the record as it
-- is then, and whether to fetch.
local function enter(entry)
  local pause = min_pause
  while true do
    local taken, err = take(entry)
    if taken then
      hold(entry)
    end
    -- now: another may have been here since we looked
    local record = entry:read()
    if taken or err ~= "exists" then
      return record, entry:needs_refresh(record)
    elseif entry:is_usable(record) or entry:is_told(record) then
      return record, false
    -- half of the time is left for a request of our own
    elseif flight.now() - entry.started >= entry.limit / 2
      or not flight.can_wait(entry.call.loop) then
      return record, true
    end
    entry.call.loop.sleep(pause)
    pause = math.min(pause * 1.5, max_pause)
  end
end

-- What is kept -------------------------------------------------------------------

-- Others that share the store may want an answer for longer than this one.
local function keep_answer(entry, answer, old)
  answer.at = entry.now()
  answer.lifetime = math.max(entry.lifetime, old and old.lifetime or 0)
  entry:write({ answer = answer }, answer.lifetime)
end

-- For how long nobody asks again: random, so that many do not come back
-- together, but not before the service wants it.
local function rest_after(entry, record, err, failures)
  local first = err.kind == "auth" and math.min(first_auth_rest, entry.ttl)
    or first_rest
  local longest = math.min(first * 2 ^ (failures - 1), max_rest,
    entry.lifetime)
  local wanted = math.min(err.retry_after or 0, max_retry_after)
  return math.max(longest * (1 + retry.random()) / 2, wanted,
    entry:pause_left(record))
end

-- The record outlives the pause, as the next one depends on this one.
-- `seconds`: how much time the request had.
local function keep_failure(entry, record, err, seconds)
  local failures = math.min((record.failures or 0) + 1, max_failures)
  local pause = rest_after(entry, record, err, failures)
  local answer = record.answer
  local left = answer and answer.lifetime - entry:age(answer.at) or 0
  entry:write({
    answer = left > 0 and answer or nil,
    failure = err, failed_at = entry.now(), pause = pause,
    failures = failures, seconds = seconds,
  }, math.max(pause + entry.lifetime, left))
end

-- Refreshing ---------------------------------------------------------------------

-- What failed before any request was made, as for the own rate limit, says
-- nothing of the service.
local function is_kept(err)
  return records.kinds[err.kind] and err.attempts ~= 0
end

-- Another may have brought an answer while this one failed.
local function fail(entry, record, err, seconds)
  if not is_kept(err) then
    return record, err
  end
  local latest = entry:read()
  if entry:is_fresh(latest) then
    return latest
  end
  latest.answer = latest.answer or record.answer -- the store may have lost it
  keep_failure(entry, latest, err, seconds)
  return latest, err
end

local function refresh_under_lock(entry)
  local record, wanted = enter(entry)
  if not wanted then
    return record
  end
  entry:tell { event = "refresh",
    age = record.answer and entry:age(record.answer.at) }
  local seconds = entry:seconds_left()
  local answer, err = entry.way.fetch(entry.call, seconds, entry.retries)
  if not answer then
    return fail(entry, record, err, seconds)
  end
  keep_answer(entry, answer, record.answer)
  return { answer = answer }, nil, answer.result
end

local function refresh(entry)
  local ok, record, err, result = flight.guard(refresh_under_lock, entry)
  give_back(entry)
  if not ok then
    error(record, 0)
  end
  return record, err, result
end

local function start(entry)
  entry.lock, entry.started = entry.key .. ":lock", flight.now()
end

--- Refreshes, or waits for one who does.
-- @tparam table entry
-- @treturn table the record as it is then
-- @treturn ?balance.Failure of the request, if it failed
-- @treturn ?table the result, where this call made the request
function _M.run(entry)
  start(entry)
  local led = false
  local record, err, result = flight.run(entry.key, entry.call.loop,
    entry.limit, function()
      led = true
      return refresh(entry)
    end)
  return record, err, led and result or nil
end

--- Begins a refresh in the background, where the loop has one. The lock is
-- taken before that: of all callers one begins. Should the loop never run it,
-- the lock expires.
-- @tparam table entry
-- @treturn boolean whether it begins, or another one is under way; else the
-- caller refreshes
-- @raise what the loop raised. What the refresh raises goes to the trace; in
-- Lua 5.1, where no pcall can be around it, the loop gets it
function _M.begin(entry)
  local spawn = entry.call.loop.spawn
  if not spawn then
    return false
  end
  start(entry)
  local taken, err = take(entry)
  if not taken then
    return err == "exists"
  end
  local ok, begun = flight.guard(spawn, function()
    entry.call = core.copy(entry.call) -- its state is the background's
    local done, raised = flight.guard(flight.lead, entry.key, entry.limit,
      function() return refresh(entry) end)
    if not done then
      entry:tell { event = "warning", message = entry:clean(raised) }
    end
  end)
  if not ok or not begun then
    give_back(entry)
  end
  if not ok then
    error(begun, 0)
  end
  return begun and true or false
end

return _M
