-- SPDX-License-Identifier: MIT
--- Keeps answers for a while, so that a gateway that asks for each of its own
-- requests asks the service only now and then.
--
-- A key has a record (`balance.record`): the last answer, and an auth failure
-- since. An answer younger than `ttl` is fresh. After that it is refreshed;
-- where that fails, it may stand in up to `stale`. One refreshes for all: in
-- this process by `balance.flight`, across processes by a lock, which is a key
-- of its own that only one can `add`. Every caller reads the answer anew, and
-- has a result of its own.
-- @module balance.cache

local core = require "balance.core"
local failure = require "balance.failure"
local flight = require "balance.flight"
local memory = require "balance.store.memory"
local records = require "balance.record"

local _M = {}

local defaults = { ttl = 30, stale = 300 } -- seconds
local default_store

local max_auth_ttl = 10 -- seconds that an auth failure is remembered
local lock_margin = 1 -- seconds that a lock outlives the call
local min_pause, max_pause = 0.005, 0.1 -- seconds between two looks at a lock

-- The store --------------------------------------------------------------------

local function tell(this, event)
  if this.emit then
    this.emit(event)
  end
end

local function tell_of_error(this, message)
  tell(this, { event = "cache_error", message = message })
end

local function describe(err)
  local ok, text = pcall(tostring, err)
  return ok and text or "its error cannot be shown"
end

-- An error of the store does not end the call. (The pcall means that a store
-- must not yield in Lua 5.1.)
local function ask(this, method, ...)
  local store = this.store
  local ok, value, err = pcall(store[method], store, ...)
  if not ok then
    value, err = nil, value
  end
  -- get() has flags beside a value, set() whether others had to go
  if not value and err and err ~= "exists" then
    tell_of_error(this,
      failure.clean(describe(err), this.way.secrets(this.call)))
  end
  return value, not value and err
end

-- The record in the store, with the `result` of its answer for one caller. An
-- empty one, where there is none, or it is not ours.
local function read(this)
  local text = ask(this, "get", this.key)
  if text == nil then
    return {}
  end
  local record = type(text) == "string"
    and records.decode(text, this.key, this.way.secrets, this.call)
  local answer = record and record.answer
  local result = answer and this.way.read(this.call, answer)
  if not record or answer and not result then
    tell_of_error(this, "what is stored is not ours")
    return {}
  end
  return {
    answer = answer, result = result,
    failure = record.failure, failed_at = record.failed_at,
  }
end

local function write(this, record, exptime)
  local text, problem
  if record.answer and record.answer.is_telling then
    problem = "a secret is in it"
  else
    text, problem = records.encode(this.key, record)
  end
  if text then
    ask(this, "set", this.key, text, exptime)
  else
    tell_of_error(this, "the result cannot be stored: " .. problem)
  end
end

-- Ages -------------------------------------------------------------------------

-- Machines that share a store have clocks of their own: one that is off makes
-- a value older, never younger.
local function age(this, at)
  return math.abs(this.now() - at)
end

local function is_fresh(this, record)
  return record.answer and age(this, record.answer.at) < this.ttl
end

local function is_usable(this, record)
  return record.answer
    and age(this, record.answer.at) < math.max(this.stale, this.ttl)
end

local function is_refused(this, record)
  return record.failure
    and age(this, record.failed_at) < math.min(max_auth_ttl, this.ttl)
end

local function needs_refresh(this, record)
  return not is_fresh(this, record) and not is_refused(this, record)
end

-- The lock -----------------------------------------------------------------------

-- The locks of this process, by store and name: { token, owner, deadline }.
local held = setmetatable({}, { __mode = "k" })

local function hold(this, token)
  local now, locks = flight.now(), held[this.store] or {}
  for name, lock in pairs(locks) do
    if lock.deadline <= now then -- nobody asked for it any more
      locks[name] = nil
    end
  end
  held[this.store] = locks
  locks[this.lock] = {
    token = token, owner = flight.owner(),
    deadline = now + this.limit + lock_margin,
  }
  this.token = token
end

-- Only the owner releases a lock. Should it expire and become another's just
-- between these two steps, there is one request more.
local function release(this, token)
  local locks = held[this.store]
  local lock = locks and locks[this.lock]
  if lock and lock.token == token then
    locks[this.lock] = nil
  end
  if token and ask(this, "get", this.lock) == token then
    ask(this, "delete", this.lock)
  end
end

-- Releases a lock whose owner, of this process, is gone. Returns whether there
-- was one.
local function take_over(this)
  local lock = held[this.store] and held[this.store][this.lock]
  if not lock or not flight.is_gone(lock.owner) then
    return false
  end
  release(this, lock.token)
  return true
end

-- Waits for the lock, or for what its owner fetches. Returns the record as it
-- is then, and whether to fetch; `this.token` is there where the lock is ours.
local function enter(this)
  local token = ("%.0f-%.0f"):format(core.random() * 2 ^ 32,
    core.random() * 2 ^ 32)
  local pause = min_pause
  while true do
    local added, err = ask(this, "add", this.lock, token,
      this.limit + lock_margin)
    if added then
      hold(this, token)
    end
    -- now: another may have been here since we looked
    local record = read(this)
    if added or err ~= "exists" then
      return record, needs_refresh(this, record)
    elseif not take_over(this) then
      if is_usable(this, record) or is_refused(this, record) then
        return record, false
      end
      -- half of the time is left for a request of our own
      if flight.now() - this.started >= this.limit / 2
        or not flight.can_wait(this.call.loop) then
        return record, true
      end
      this.call.loop.sleep(pause)
      pause = math.min(pause * 1.5, max_pause)
    end
  end
end

-- Refreshing -------------------------------------------------------------------

local function keep_answer(this, answer)
  answer.at = this.now()
  write(this, { answer = answer }, math.max(this.ttl, this.stale))
end

local function keep_failure(this, record, err)
  local seconds = math.min(max_auth_ttl, this.ttl)
  local kept = { failure = err, failed_at = this.now() }
  if is_usable(this, record) then
    kept.answer = record.answer
    seconds = math.max(seconds, this.stale - age(this, record.answer.at))
  end
  write(this, kept, seconds)
end

-- Somebody else's attempt may have cost the whole time; not even a try would
-- be worse than a call that takes half as long again.
local function seconds_left(this)
  if not this.started then -- just now
    return this.limit
  end
  local left = this.limit - (flight.now() - this.started)
  return math.max(left, this.limit / 2)
end

local function refresh_under_lock(this)
  local record, wanted = enter(this)
  if not wanted then
    return record, nil, false
  end
  tell(this, { event = "refresh",
    age = record.answer and age(this, record.answer.at) })
  local answer, err = this.way.fetch(this.call, seconds_left(this))
  if answer then
    keep_answer(this, answer)
    record = { answer = answer }
  elseif err.kind == "auth" then
    keep_failure(this, record, err)
  end
  return record, err, true
end

-- Returns a record, the failure of the request, and whether there was one.
local function refresh(this)
  local ok, record, err, requested = flight.guard(refresh_under_lock, this)
  release(this, this.token)
  if not ok then
    error(record, 0)
  end
  return record, err, requested
end

-- Results ----------------------------------------------------------------------

-- A failure may be several callers': each gets a copy.
local function copy_of(err)
  local copy = {}
  for name, value in pairs(err) do
    copy[name] = value
  end
  return failure.new(copy)
end

-- For a record without a usable answer. Where there is no failure either, the
-- answer has just become too old, or is too old for this caller's settings.
local function without_answer(this, record, err)
  if err then
    return nil, copy_of(err)
  elseif not is_refused(this, record) then
    local answer
    answer, err = this.way.fetch(this.call, seconds_left(this))
    return answer and answer.result, err
  end
  tell(this, { event = "cache_hit", kind = record.failure.kind,
    age = age(this, record.failed_at) })
  return nil, copy_of(record.failure)
end

-- The result for this caller of a record, which others may have too. `err` is
-- the failure of the refresh, if it failed.
local function deliver(this, record, err)
  local answer = record.answer
  local its_age = answer and age(this, answer.at) or math.huge
  if its_age >= math.max(this.stale, this.ttl) then
    return without_answer(this, record, err)
  elseif not err and is_refused(this, record) then
    err = record.failure
  end
  local result = record.result or this.way.read(this.call, answer)
  record.result = nil -- it is this caller's
  result.cached, result.age = true, its_age
  if its_age >= this.ttl then
    result.stale = true
    result.refresh_error = err and copy_of(err)
  end
  if this.emit then
    this.emit { event = result.stale and "stale" or "cache_hit",
      age = its_age, kind = err and err.kind }
  end
  return result
end

-- The call ---------------------------------------------------------------------

local function default()
  default_store = default_store or memory.new()
  return default_store
end

--- Returns what is kept under a key, or fetches it.
-- @tparam table settings `ttl`, `stale`, `store`, as a user has them; `now`
-- (Unix time, seconds) for specs
-- @tparam string key from `balance.names`
-- @tparam number limit seconds for all of it
-- @tparam table call its `loop`, and `emit`, which is nil or gets the events
-- `refresh` (a request is made), `cache_hit`, `stale` and `cache_error`
-- @tparam table way functions that get the call first: `fetch(call, seconds)`
-- returns an answer with its `result`, or nil and a failure; `read(call,
-- answer)` a new result of an answer, nil where it is none; `secrets(call)`
-- the texts that must not be shown
-- @treturn ?table with `cached` and `age` (seconds since the fetch) where this
-- call made no request; with `stale` where it is old, and `refresh_error`
-- where a request for a new one failed
-- @treturn ?balance.Failure
function _M.call(settings, key, limit, call, way)
  local this = {
    key = key, ttl = settings.ttl or defaults.ttl,
    stale = settings.stale or defaults.stale,
    store = settings.store or default(), now = settings.now or os.time,
    limit = limit, call = call, way = way, emit = call.emit,
  }
  local record = read(this)
  if not needs_refresh(this, record) then
    return deliver(this, record)
  end
  this.lock, this.started = key .. ":lock", flight.now()
  local led = false
  local new, err, requested = flight.run(key, call.loop, limit, function()
    led = true
    return refresh(this)
  end)
  if led and requested and not err then
    return new.answer.result
  end
  return deliver(this, new, err)
end

return _M
