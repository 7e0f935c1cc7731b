-- SPDX-License-Identifier: MIT
--- Single flight: whoever asks for what somebody of this process is already
-- asking for waits, and gets the same answer.
-- @module balance.flight

local core = require "balance.core"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local _M = {}

--- The clock, seconds; a spec puts its own here.
_M.now = core.now

-- How long those who wait sleep between two looks.
local shortest, longest = 0.001, 0.05 -- seconds

-- By key: { deadline, leader }, and in the end `results` or `raised`. One whose
-- leader is gone stays until somebody asks, or it is swept away.
local flights = {}

local sweep_every = 60 -- seconds
local swept = 0

-- Lua 5.1 cannot yield under a pcall. So in a coroutine of it none is above a
-- leader that others wait for, and what it raises ends the coroutine: they
-- look at that.
local cannot_guard = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local main = {} -- what stands for the main thread where Lua has no name for it

local function running()
  return coroutine.running() or main
end

--- Who runs now, for `is_gone`. It keeps no coroutine alive.
-- @treturn table
---@return table
function _M.owner()
  return setmetatable({ running() }, { __mode = "v" })
end

-- Coroutines that are never resumed again.
local given_up = setmetatable({}, { __mode = "k" })

--- Tells of a coroutine that it is never resumed again.
-- @tparam thread thread
---@param thread thread
function _M.give_up(thread)
  given_up[thread] = true
end

--- Whether somebody is not at it any more: its coroutine has ended, was
-- collected or given up, or is the one that runs now, which would wait for
-- itself. Of another that is never resumed again nobody can tell.
-- @tparam table owner from `owner`
-- @treturn boolean
---@param owner table
---@return boolean
function _M.is_gone(owner)
  local thread = owner[1]
  return thread == nil or thread == running() or given_up[thread]
    or type(thread) == "thread" and core.is_dead(thread)
end

--- A pcall, wherever Lua lets the function wait under one.
-- @tparam function body
-- @param ... its arguments
-- @return true and what it returned, or false and what it raised
---@param body function
---@param ... any
---@return boolean
---@return any ...
function _M.guard(body, ...)
  if cannot_guard and coroutine.running() then
    return true, body(...)
  end
  return pcall(body, ...)
end

local function pack(...)
  return { n = select("#", ...), ... }
end

local function sweep(now)
  if now - swept < sweep_every then
    return
  end
  swept = now
  for key, flight in pairs(flights) do
    if flight.deadline <= now then
      flights[key] = nil
    end
  end
end

local function lead(key, seconds, body)
  local now = _M.now()
  sweep(now)
  local flight = { deadline = now + seconds, leader = _M.owner() }
  flights[key] = flight
  local outcome = pack(_M.guard(body))
  if flights[key] == flight then -- nobody has taken over
    flights[key] = nil
  end
  if not outcome[1] then
    flight.raised = true
    error(outcome[2], 0)
  end
  flight.results = outcome
  return unpack(outcome, 2, outcome.n)
end

local function is_lost(flight)
  return flight.raised or not flight.results and _M.is_gone(flight.leader)
end

local function await(flight, loop, deadline)
  local pause = shortest
  deadline = math.min(deadline, flight.deadline)
  while not flight.results and not is_lost(flight) and _M.now() < deadline do
    loop.sleep(pause)
    pause = math.min(pause * 1.5, longest)
  end
end

--- Whether a call may wait here: in nginx, some phases cannot.
-- @tparam table loop see `balance.loop`
-- @treturn boolean
---@param loop balance.Loop
---@return boolean
function _M.can_wait(loop)
  return not loop.ready or loop.ready() == true
end

--- Runs a function, unless somebody is already running it under this key:
-- then waits for that, and returns the same (the same tables, too).
-- @tparam string key
-- @tparam table loop how to wait, see `balance.loop`
-- @tparam number seconds after which a leader counts as lost, unless that is
-- known before, and another takes over; nobody waits longer for others
-- @tparam function body
-- @return what the body returned
-- @raise what the body raised, to whoever ran it; the others then run it
-- themselves
---@param key string
---@param loop balance.Loop
---@param seconds number
---@param body fun(): ...
---@return ...
function _M.run(key, loop, seconds, body)
  local deadline = _M.now() + seconds
  local flight = flights[key]
  while flight and _M.now() < flight.deadline and not is_lost(flight) do
    if _M.now() >= deadline or not _M.can_wait(loop) then
      return body()
    end
    await(flight, loop, deadline)
    if flight.results then
      return unpack(flight.results, 2, flight.results.n)
    elseif is_lost(flight) then
      return body()
    end
    flight = flights[key] -- of whoever took over
  end
  return lead(key, seconds, body)
end

return _M
