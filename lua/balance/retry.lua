-- SPDX-License-Identifier: MIT
--- Asks again where that can help, within the time of the whole call.
--
-- Pauses grow exponentially, each anywhere between nothing and its most (full
-- jitter), so that many clients do not come back together. A budget keeps a
-- service that is down from being hammered: a retry costs, an answer pays.
-- @module balance.retry

local core = require "balance.core"

local _M = {}

--- The clock and the dice; specs bring their own.
_M.now = core.now -- seconds
_M.random = core.random -- from 0 up to 1

local first, longest = 0.1, 2 -- seconds, the most that a pause can be

-- What a budget holds, and what is taken and given.
local full, price, dear, reward = 100, 5, 10, 1

--- A budget, for a client to keep.
-- @treturn table
function _M.new_budget()
  return { tokens = full }
end

local function pay(budget, failure)
  local cost = failure.kind == "timeout" and dear or price
  if budget.tokens < cost then
    return false
  end
  budget.tokens = budget.tokens - cost
  return true
end

local function earn(budget)
  budget.tokens = math.min(budget.tokens + reward, full)
end

-- How long to wait before the next attempt; nil where it would be too late.
local function pause_after(failure, number, left)
  local pause = _M.random() * math.min(longest, first * 2 ^ (number - 1))
  pause = math.max(pause, failure.retry_after or 0)
  return pause < left and pause or nil
end

--- Runs attempts until one brings an answer or nothing more can help.
-- @tparam table call `retries`, `timeout` (seconds), `budget`, `loop`, `emit`
-- @tparam function attempt gets its time limit and `...`; returns a result, or
-- nil and a failure
-- @param ...
-- @treturn ?table
-- @treturn ?balance.Failure
function _M.run(call, attempt, ...)
  local finish, number = _M.now() + call.timeout, 0
  while true do
    number = number + 1
    local left = math.max(finish - _M.now(), 0)
    local is_last = number > call.retries
    local result, failure = attempt(is_last and left or left / 2, ...)
    if result then
      earn(call.budget)
      return result
    end
    local pause = not is_last and failure.retryable
      and pause_after(failure, number, finish - _M.now())
    if not pause or not pay(call.budget, failure) then
      return nil, failure
    end
    call.emit { event = "retry", attempt = number, kind = failure.kind,
      wait = pause }
    call.loop.sleep(pause)
  end
end

return _M
