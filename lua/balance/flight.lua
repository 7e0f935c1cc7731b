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

-- By key: { deadline }, and in the end `results` or `raised`. One whose leader
-- was killed stays until its deadline.
local flights = {}

-- Lua 5.1 cannot yield under a pcall. So none is above a leader that others
-- wait for, and what it raises ends its coroutine: they look at that.
local cannot_guard = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local function pack(...)
  return { n = select("#", ...), ... }
end

local function lead(key, seconds, body)
  local flight = { deadline = _M.now() + seconds }
  flights[key] = flight
  local outcome
  if cannot_guard then
    flight.thread = coroutine.running()
    outcome = pack(true, body())
  else
    outcome = pack(pcall(body))
  end
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

local function has_raised(flight)
  local thread = flight.thread
  return flight.raised or thread and coroutine.status(thread) == "dead"
end

local function await(flight, loop, deadline)
  local pause = shortest
  deadline = math.min(deadline, flight.deadline)
  while not flight.results and not has_raised(flight)
    and _M.now() < deadline do
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
-- @tparam number seconds after which a leader counts as lost, and another
-- takes over; nobody waits longer for others
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
  while flight and _M.now() < flight.deadline do
    if _M.now() >= deadline or not _M.can_wait(loop) then
      return body()
    end
    await(flight, loop, deadline)
    if flight.results then
      return unpack(flight.results, 2, flight.results.n)
    elseif has_raised(flight) then
      return body()
    end
    flight = flights[key] -- of whoever took over
  end
  return lead(key, seconds, body)
end

return _M
