-- SPDX-License-Identifier: MIT
--- Single flight: of the calls of this process that ask for the same at the
-- same time, the first one, the leader, asks; the others wait and get its
-- answer.
-- @module balance.flight

local core = require "balance.core"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local _M = {}

--- The clock, in seconds; a spec puts its own here.
_M.now = core.now

-- How long one that waits sleeps between two looks.
local min_pause, max_pause = 0.001, 0.05 -- seconds

-- By key: { deadline, leader }, and in the end `results` or `raised`. One
-- whose leader is gone stays until the next call with its key, or the next
-- sweep.
local flights = {}

local sweep_interval = 60 -- seconds
local swept_at = 0

-- Lua 5.1 cannot yield across a pcall, so there no pcall is put around a
-- leader in a coroutine. What it raises ends the coroutine, and the others see
-- that.
local cannot_yield_in_pcall = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local main = {} -- stands for the main thread, which is nil in Lua 5.1

local function running()
  return coroutine.running() or main
end

--- The running coroutine, for `is_gone`, in a table that does not keep it
-- alive.
-- @treturn table
function _M.owner()
  return setmetatable({ running() }, { __mode = "v" })
end

-- Coroutines that are never resumed again.
local given_up = setmetatable({}, { __mode = "k" })

--- Notes that a coroutine is never resumed again.
-- @tparam thread thread
function _M.give_up(thread)
  given_up[thread] = true
end

--- Whether a coroutine does not go on: it has ended, was collected or given
-- up, or is the running one, which would wait for itself. One that is simply
-- never resumed again cannot be told from one that waits.
-- @tparam table owner from `owner`
-- @treturn boolean
function _M.is_gone(owner)
  local thread = owner[1]
  return thread == nil or thread == running() or given_up[thread]
    or type(thread) == "thread" and core.is_dead(thread)
end

--- A pcall; a plain call where the function could not yield under one.
-- @tparam function body
-- @param ... its arguments
-- @return true and what it returned, or false and what it raised
function _M.guard(body, ...)
  if cannot_yield_in_pcall and coroutine.running() then
    return true, body(...)
  end
  return pcall(body, ...)
end

local function pack(...)
  return { n = select("#", ...), ... }
end

local function sweep(now)
  if now - swept_at < sweep_interval then
    return
  end
  swept_at = now
  for key, flight in pairs(flights) do
    if flight.deadline <= now then
      flights[key] = nil
    end
  end
end

--- Runs a function as the leader of a key, in the place of another leader if
-- there is one.
-- @tparam string key
-- @tparam number seconds after which it counts as lost
-- @tparam function body
-- @return what the body returned
-- @raise what the body raised
function _M.lead(key, seconds, body)
  local now = _M.now()
  sweep(now)
  local flight = { deadline = now + seconds, leader = _M.owner() }
  flights[key] = flight
  local outcome = pack(_M.guard(body))
  if flights[key] == flight then -- no other leader has taken over
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

--- Whether a key has a leader that may bring something.
-- @tparam string key
-- @treturn boolean
function _M.is_led(key)
  local flight = flights[key]
  return flight ~= nil and _M.now() < flight.deadline and not is_lost(flight)
end

local function await(flight, loop, deadline)
  local pause = min_pause
  deadline = math.min(deadline, flight.deadline)
  while not flight.results and not is_lost(flight) and _M.now() < deadline do
    loop.sleep(pause)
    pause = math.min(pause * 1.5, max_pause)
  end
end

--- Whether a call may wait here: in some phases nginx cannot.
-- @tparam table loop see `balance.loop`
-- @treturn boolean
function _M.can_wait(loop)
  return not loop.ready or loop.ready() == true
end

--- Runs a function as the leader of a key; where there is a leader already,
-- waits for it and returns what its function returned, the same tables even.
-- @tparam string key
-- @tparam table loop see `balance.loop`
-- @tparam number seconds how long to wait for others at most; a leader that
-- takes longer counts as lost, and another one takes over
-- @tparam function body
-- @return what the body returned
-- @raise what the body raised, in the leader only: the others run theirs
function _M.run(key, loop, seconds, body)
  local deadline = _M.now() + seconds
  while _M.is_led(key) do
    local flight = flights[key]
    if _M.now() >= deadline or not _M.can_wait(loop) then
      return body()
    end
    await(flight, loop, deadline)
    if flight.results then
      return unpack(flight.results, 2, flight.results.n)
    elseif is_lost(flight) then
      return body()
    end
  end
  return _M.lead(key, seconds, body)
end

return _M
