-- SPDX-License-Identifier: MIT
--- Keeps results for a while, so that a gateway that asks for each of its own
-- requests asks the service only now and then.
--
-- What is kept under a key is a record (`balance.record`): the last result, and
-- an auth failure. A value younger than `ttl` is fresh; then it is refreshed,
-- and if that fails, it is good enough up to `stale`. One refreshes for all:
-- in this process by `balance.flight`, across processes by a lock, which is a
-- key of its own that only one can `add`.
-- @module balance.cache

local core = require "balance.core"
local failure = require "balance.failure"
local flight = require "balance.flight"
local identity = require "balance.identity"
local memory = require "balance.store.memory"
local records = require "balance.record"

local _M = {}

--- What a user may set.
---@class balance.CacheSettings
---@field ttl? number seconds that a result is fresh (30)
---@field stale? number seconds that it may stand in where a refresh fails (300)
---@field store? balance.Store (a table in this process)

local defaults = { ttl = 30, stale = 300 } -- seconds
local default_store

local auth_ttl = 10 -- seconds that an auth failure is remembered, at most
local lock_margin = 1 -- seconds that a lock outlives the call
local shortest, longest = 0.005, 0.1 -- seconds between two looks at a lock

-- The store --------------------------------------------------------------------

local function describe(err)
  local ok, text = pcall(tostring, err)
  return ok and text or "its error cannot be shown"
end

-- Whatever a store does, the call goes on. (Under a pcall: with Lua 5.1, a
-- store must not yield.)
local function ask(this, method, ...)
  local store = this.store
  local ok, value, err = pcall(store[method], store, ...)
  if not ok then
    value, err = nil, value
  end
  -- get() has flags beside a value, set() whether others had to go
  if not value and err and err ~= "exists" then
    this.emit {
      event = "cache_error", provider = this.provider,
      message = failure.clean(describe(err), this.secrets),
    }
  end
  return value, not value and err
end

local function read(this)
  local text = ask(this, "get", this.key)
  if text == nil then
    return {}
  end
  local record = type(text) == "string" and records.decode(text, this.key,
    this.provider, this.secrets)
  if not record then
    this.emit {
      event = "cache_error", provider = this.provider,
      message = "what is stored is not ours",
    }
  end
  return record or {}
end

local function encode(this, record)
  if record.result and this.is_telling(record.result) then
    return nil, "a secret is in it"
  end
  return records.encode(record, this.key, this.provider, this.secrets)
end

local function write(this, record, exptime)
  local text, err = encode(this, record)
  if text then
    ask(this, "set", this.key, text, exptime)
  else
    this.emit {
      event = "cache_error", provider = this.provider,
      message = "the result cannot be stored: " .. err,
    }
  end
end

-- Ages -------------------------------------------------------------------------

-- Machines that share a store have clocks of their own: one that is off makes
-- a value older, never younger.
local function age(this, at)
  return math.abs(this.now() - at)
end

local function is_fresh(this, record)
  return record.result and age(this, record.at) < this.ttl
end

local function is_usable(this, record)
  return record.result
    and age(this, record.at) < math.max(this.stale, this.ttl)
end

local function is_refused(this, record)
  return record.failure
    and age(this, record.failed_at) < math.min(auth_ttl, this.ttl)
end

local function needs_refresh(this, record)
  return not is_fresh(this, record) and not is_refused(this, record)
end

-- The lock -----------------------------------------------------------------------

-- Those that this process holds, by store and name: { token, owner, deadline }.
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
  local pause = shortest
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
        or not flight.can_wait(this.loop) then
        return record, true
      end
      this.loop.sleep(pause)
      pause = math.min(pause * 1.5, longest)
    end
  end
end

-- Refreshing -------------------------------------------------------------------

local function keep_result(this, result)
  local record = { at = this.now(), result = result }
  write(this, record, math.max(this.ttl, this.stale))
  return record
end

local function keep_failure(this, record, err)
  local seconds = math.min(auth_ttl, this.ttl)
  local kept = { failure = err, failed_at = this.now() }
  if is_usable(this, record) then
    kept.at, kept.result = record.at, record.result
    seconds = math.max(seconds, this.stale - age(this, record.at))
  end
  write(this, kept, seconds)
end

-- Somebody else's attempt may have cost the whole time; not even a try would
-- be worse than a call that takes half as long again.
local function seconds_left(this)
  local left = this.limit - (flight.now() - this.started)
  return math.max(left, this.limit / 2)
end

local function refresh_under_lock(this)
  local record, wanted = enter(this)
  if not wanted then
    return record, nil, false
  end
  this.emit {
    event = "refresh", provider = this.provider,
    age = record.result and age(this, record.at),
  }
  local result, err = this.fetch(seconds_left(this))
  if result then
    record = keep_result(this, result)
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

-- What the caller gets ---------------------------------------------------------

local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local copied = {}
  for key, item in pairs(value) do
    copied[key] = copy(item)
  end
  return copied
end

-- A record may be several callers': each gets a copy.
local function answer(this, record, err, is_ours)
  if is_ours and not err then
    return copy(record.result)
  end
  local is_known = not err and is_refused(this, record)
  if is_known then
    err = record.failure
  end
  err = err and failure.new(copy(err))
  if not is_usable(this, record) then
    if is_known then
      this.emit {
        event = "cache_hit", provider = this.provider, kind = err.kind,
        age = age(this, record.failed_at),
      }
    elseif not err then -- its time has just run out, or ours is shorter
      return this.fetch(seconds_left(this))
    end
    return nil, err
  end
  local result = copy(record.result)
  result.cached = true
  result.age = age(this, record.at)
  if not is_fresh(this, record) then
    result.stale = true
    result.refresh_error = err
  end
  this.emit {
    event = result.stale and "stale" or "cache_hit",
    provider = this.provider, age = result.age, kind = err and err.kind,
  }
  return result, nil, err
end

-- The settings -------------------------------------------------------------------

local function default()
  default_store = default_store or memory.new()
  return default_store
end

--- What tells one request from another.
_M.identity = identity

local function none() end

--- Returns what is kept for a request, or fetches it.
-- @tparam table settings `ttl`, `stale`, `store`, as a user has them; `limit`:
-- the time of the whole call, seconds (10); `secrets`: what must not be
-- stored; `is_telling(result)`: whether it has such in it that is not among
-- them; `now` (Unix time, seconds) for specs
-- @tparam string name from `identity`
-- @tparam table loop see `balance.loop`
-- @tparam function fetch is given the seconds that it may take, and returns a
-- result, or nil and a failure
-- @tparam ?function emit is given events: `refresh` (a request is made),
-- `cache_hit`, `stale`, `cache_error`
-- @treturn ?table a copy of its own for each caller; with `cached` and `age`
-- (seconds since the fetch) where this call made no request; with `stale`
-- beside them where a fresh one was not to be had, and `refresh_error` where
-- that is because a request failed
-- @treturn ?balance.Failure
-- @treturn ?balance.Failure with a result, its `refresh_error`
---@param settings balance.CacheSettings
---@param name string
---@param loop balance.Loop
---@param fetch fun(seconds: number): table?, balance.Failure?
---@param emit? fun(event: table)
---@return table?
---@return balance.Failure?
---@return balance.Failure?
function _M.call(settings, name, loop, fetch, emit)
  local key = "balance:" .. name
  local this = {
    provider = name:match "^[^:]*",
    key = key,
    lock = key .. ":lock",
    ttl = settings.ttl or defaults.ttl,
    stale = settings.stale or defaults.stale,
    store = settings.store or default(),
    limit = settings.limit or 10,
    secrets = settings.secrets or {},
    is_telling = settings.is_telling or none,
    now = settings.now or os.time,
    started = flight.now(),
    loop = loop,
    fetch = fetch,
    emit = emit or none,
  }
  local record = read(this)
  if not needs_refresh(this, record) then
    return answer(this, record)
  end
  local led = false
  local new, err, requested = flight.run(key, loop, this.limit, function()
    led = true
    return refresh(this)
  end)
  return answer(this, new, err, led and requested)
end

return _M
