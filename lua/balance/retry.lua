-- SPDX-License-Identifier: MIT
--- How long to pause before asking again, and whether a client may.
--
-- Pauses grow exponentially, each anywhere between nothing and its maximum
-- (full jitter), so that many clients do not come back together. A budget
-- keeps a service that is down from being hammered: a retry costs, an answer
-- pays.
-- @module balance.retry

local core = require "balance.core"

local _M = {}

--- A number from 0 up to 1; specs bring their own.
_M.random = core.random

local first_max, max_pause = 0.1, 2 -- seconds

--- The tokens of a new budget, and the most that one can have.
_M.max_tokens = 100

local price, price_of_timeout, reward = 5, 10, 1 -- tokens

--- A budget, for a client to keep.
-- @treturn table
function _M.new_budget()
  return { tokens = _M.max_tokens }
end

--- Pays for a retry.
-- @tparam table budget
-- @tparam string kind of the failure before it
-- @treturn boolean false, where the budget is too small
function _M.pay(budget, kind)
  local cost = kind == "timeout" and price_of_timeout or price
  if budget.tokens < cost then
    return false
  end
  budget.tokens = budget.tokens - cost
  return true
end

--- Takes an answer's reward.
-- @tparam table budget
function _M.earn(budget)
  budget.tokens = math.min(budget.tokens + reward, _M.max_tokens)
end

--- The pause before the next round.
-- @tparam integer round the number of the last, from 1
-- @tparam ?number retry_after seconds that the service wants at least
-- @treturn number seconds
function _M.pause(round, retry_after)
  local max = math.min(max_pause, first_max * 2 ^ (round - 1))
  return math.max(_M.random() * max, retry_after or 0)
end

return _M
