-- SPDX-License-Identifier: MIT
--- Keeps answers for a while, so that a gateway that asks for each of its own
-- requests asks the service only now and then.
--
-- A key has a record (`balance.record`): the last answer, and the failure of
-- the last refresh. An answer younger than `ttl` is fresh. After that it is
-- refreshed (`balance.refresh`), by one for all; meanwhile, and where that
-- fails, it may stand in up to `stale`. A failure is remembered: for a while it
-- is the answer, and nobody asks. Every caller reads the answer anew, and has a
-- result of its own.
-- @module balance.cache

local ask = require "balance.store.ask"
local copies = require "balance.copies"
local core = require "balance.core"
local failure = require "balance.failure"
local flight = require "balance.flight"
local memory = require "balance.store.memory"
local mistake = require "balance.mistake"
local records = require "balance.record"
local refresh = require "balance.refresh"

local _M = {}

local defaults = { ttl = 30, stale = 300, refresh_timeout = 2 } -- seconds
local default_store

local patience = 1.5 -- so much more time makes another request of it

local min_exptime = 0.001 -- seconds; to ngx.shared less is for ever

-- What a call knows of its key: the settings, how to fetch and to read, and how
-- much time there is.
local Entry = {}
Entry.__index = Entry

-- The store --------------------------------------------------------------------

function Entry:tell(event)
  if self.emit then
    self.emit(event)
  end
end

--- An error of others as a text without a secret.
function Entry:clean(err)
  return failure.clean(mistake.text(err), self.way.secrets(self.call))
end

--- Calls a method of the store. An error of it does not end the call.
function Entry:ask(method, ...)
  local value, err = ask(self.store, method, ...)
  if err and err ~= "exists" then
    self:tell { event = "cache_error", message = self:clean(err) }
  end
  return value, err
end

--- A new result of an answer, for one caller; nil where it is none. The answer
-- is read once, unless what its provider makes of it cannot be copied.
function Entry:result(answer)
  if answer.copy then
    return answer.copy()
  end
  local result = self.way.read(self.call, answer)
  if result and answer.copy == nil then
    result.cached, result.age = true, 0 -- room for them, too
    answer.copy = copies.of(result) or false
  end
  return result
end

--- The record in the store. An empty one, where there is none, or it is not
-- ours.
function Entry:read()
  local text = self:ask("get", self.key)
  if text == nil then
    return {}
  end
  local record = type(text) == "string"
    and records.decode(text, self.key, self.way.secrets, self.call)
  local answer = record and record.answer
  if not record or answer and not (answer.copy or self:result(answer)) then
    self:tell { event = "cache_error", message = "what is stored is not ours" }
    return {}
  end
  return {
    answer = answer, failure = record.failure,
    failed_at = record.failed_at, pause = record.pause,
    failures = record.failures, seconds = record.seconds,
  }
end

--- Puts a record into the store, for some seconds.
function Entry:write(record, exptime)
  local text, problem
  if record.answer and record.answer.is_telling then
    problem = "a secret is in it"
  else
    text, problem = records.encode(self.key, record)
  end
  if text then
    self:ask("set", self.key, text, math.max(exptime, min_exptime))
  else
    self:tell { event = "cache_error",
      message = "the result cannot be stored: " .. problem }
  end
end

-- Ages -------------------------------------------------------------------------

--- How old a time is. Machines that share a store have clocks of their own: a
-- time that has not come yet is as old as it is far.
function Entry:age(at)
  return math.abs(self.now() - at)
end

--- Whether a record's failure says something to this call: while it is the
-- answer, and then for as long as the next request may take. A timeout does
-- not where the request had much less time than this call has.
function Entry:is_told(record)
  local err = record.failure
  return err ~= nil
    and self:age(record.failed_at) < record.pause + self.whole
    and (err.kind ~= "timeout" or self:is_usable(record)
      or self.whole <= record.seconds * patience)
end

--- How long a record's failure is still the answer; 0 where there is none.
function Entry:pause_left(record)
  return self:is_told(record)
    and math.max(record.pause - self:age(record.failed_at), 0) or 0
end

--- Whether a record's answer is younger than `ttl`.
function Entry:is_fresh(record)
  return record.answer ~= nil and self:age(record.answer.at) < self.ttl
end

--- Whether a record's answer may stand in for a new one.
function Entry:is_usable(record)
  return record.answer ~= nil and self:age(record.answer.at) < self.lifetime
end

--- Whether a record is no answer to a call.
function Entry:needs_refresh(record)
  return not self:is_fresh(record) and self:pause_left(record) == 0
end

--- How long a request may take. Somebody else's attempt may have cost the whole
-- time; not even a try would be worse than a call that takes half as long
-- again.
function Entry:seconds_left()
  if not self.started then -- just now
    return self.limit
  end
  local left = self.limit - (flight.now() - self.started)
  return math.max(left, self.limit / 2)
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

-- The failure that is remembered, for one caller; nil where none is.
local function remembered(this, record)
  if not this:is_told(record) then
    return nil
  end
  local err, left = copy_of(record.failure), this:pause_left(record)
  err.retry_after = left > 0 and left or nil -- somebody asks just now
  return err
end

-- For a record without a usable answer. Where there is no failure either, the
-- answer has just become too old, or is too old for this caller's settings.
local function without_answer(this, record, err)
  if err then
    return nil, copy_of(err)
  end
  err = remembered(this, record)
  if not err then
    local answer
    answer, err = this.way.fetch(this.call, this:seconds_left())
    return answer and answer.result, err
  end
  this:tell { event = "cache_hit", kind = err.kind,
    age = this:age(record.failed_at) }
  return nil, err
end

-- The result for this caller of a record with an answer of that age, which
-- others may have too. `err` is the failure of the refresh, if it failed.
local function new_result(this, record, its_age, err)
  local result = this:result(record.answer)
  result.cached, result.age = true, its_age
  if its_age >= this.ttl then
    result.stale = true
    result.refresh_error = err and copy_of(err) or remembered(this, record)
  end
  if this.emit then
    local refused = result.refresh_error
    this.emit { event = result.stale and "stale" or "cache_hit",
      age = its_age, kind = refused and refused.kind }
  end
  return result
end

local function deliver(this, record, err)
  local answer = record.answer
  local its_age = answer and this:age(answer.at) or math.huge
  if its_age >= this.lifetime then
    return without_answer(this, record, err)
  end
  return new_result(this, record, its_age, err)
end

-- The call ---------------------------------------------------------------------

local function default()
  default_store = default_store or memory.new()
  return default_store
end

-- Whether somebody else refreshes a record, or begins to: its old value, or the
-- last failure, is the answer, and this call does not wait.
local function is_refreshed_by_another(this, in_background)
  return flight.is_led(this.key) or in_background and refresh.begin(this)
end

--- An entry, for `hit`.
-- @tparam table settings as of `call`
-- @tparam string key
-- @tparam ?function emit as of `call`
-- @treturn table
function _M.entry(settings, key, emit)
  local ttl, now = settings.ttl or defaults.ttl, settings.now or core.time
  return setmetatable({
    key = key, ttl = ttl,
    lifetime = math.max(settings.stale or defaults.stale, ttl),
    store = settings.store or default(), now = now, made_at = now(),
    emit = emit,
  }, Entry)
end

--- Whether `hit` can find the answer that was read last under the entry's key.
-- @tparam table entry
-- @treturn boolean
function _M.can_hit(entry)
  local record = records.last(entry.key)
  return record and record.answer.copy and true or false
end

--- Returns what is kept under a key, where it is fresh and was read before.
-- @tparam table entry
-- @tparam number seconds for which an entry can be asked
-- @treturn ?table as of `call`; nil: a call may say more
function _M.hit(entry, seconds)
  if entry:age(entry.made_at) >= seconds then
    return nil
  end
  local store = entry.store
  local ok, text = pcall(store.get, store, entry.key)
  local record = ok and records.known(entry.key, text)
  if record and record.answer.copy then
    local its_age = entry:age(record.answer.at)
    return its_age < entry.ttl and new_result(entry, record, its_age) or nil
  end
end

--- Returns what is kept under a key, or fetches it.
-- @tparam table settings `ttl`, `stale`, `refresh_timeout`, `stale_first`,
-- `store`, as a user has them; `now` (Unix time, seconds) for specs
-- @tparam string key from `balance.names`
-- @tparam number limit seconds for all of it
-- @tparam table call its `loop`, and `emit`, which is nil or gets the events
-- `refresh` (a request is made), `cache_hit`, `stale`, `cache_error` and
-- `warning`. A refresh in the background has a copy of it
-- @tparam table way functions that get the call first: `fetch(call, seconds,
-- retries)` returns an answer with its `result`, or nil and a failure;
-- `read(call, answer)` a new result of an answer, nil where it is none;
-- `secrets(call)` the texts that must not be shown
-- @treturn ?table with `cached` and `age` (seconds since the fetch) where this
-- call made no request; with `stale` where it is old, and `refresh_error`
-- where a request for a new one failed
-- @treturn ?balance.Failure
function _M.call(settings, key, limit, call, way)
  local this = _M.entry(settings, key, call.emit)
  this.limit, this.whole, this.call, this.way = limit, limit, call, way
  local record = this:read()
  if not this:needs_refresh(record) then
    return deliver(this, record)
  end
  local is_usable = this:is_usable(record)
  if (is_usable or this:is_told(record))
    and is_refreshed_by_another(this, is_usable and settings.stale_first) then
    return deliver(this, record)
  elseif is_usable then
    this.limit = math.min(limit,
      settings.refresh_timeout or defaults.refresh_timeout)
    this.retries = 0 -- one round has all of that time
  end
  local new, err, own = refresh.run(this)
  if own then
    return own
  end
  return deliver(this, new, err)
end

return _M
