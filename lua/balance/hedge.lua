-- SPDX-License-Identifier: MIT
--- A second request where the first, over a kept connection, is silent.
--
-- A connection that a NAT or a load balancer has forgotten looks like one on
-- which a slow service is at work, and nobody can tell them apart. So a second
-- request goes out over a new connection while the first still waits, and the
-- first answer ends both.
-- @module balance.hedge

local core = require "balance.core"
local turn = require "balance.turn"

local _M = {}

local function is_answered(transfer)
  return transfer:done() and not transfer:result().kind
end

-- Starts the second request, if there is time for it. It has the first one's
-- time limit anew, because the service may be slow rather than gone.
local function ask_again(call, endpoint, limit, first, start)
  local max_wait = (limit - (core.now() - first.started)) / 2
  if not turn.take(call, max_wait) or first.transfer:done() then
    return nil
  end
  local now = core.now()
  local left = math.max(call.deadline - now, 0)
  local second = start(call, endpoint, math.min(limit, left),
    { fresh = true, rival = first.transfer, requests = first.requests })
  if second and call.emit then
    call.emit { event = "hedge", attempt = call.attempts + 1,
      endpoint = endpoint, wait = now - first.started }
  end
  return second
end

--- Asks again where that can be, and waits for an answer.
-- @tparam table call see `balance.call`
-- @tparam string endpoint
-- @tparam number limit seconds of the first
-- @tparam table first its `transfer`, which is stalled, when it `started`, and
-- the list of `requests`
-- @tparam function start as of `balance.attempt`
-- @treturn ?userdata the transfer with an answer, or the second one where none
-- has; nil where the loop failed
-- @treturn ?userdata the second, to be closed as the first
-- @treturn ?table where the first is nil, the fields of a failure
function _M.run(call, endpoint, limit, first, start)
  local second = ask_again(call, endpoint, limit, first, start)
  local ok, kind, message, hint = true
  for _, transfer in ipairs { second or first.transfer, first.transfer } do
    if ok and not transfer:done() then
      ok, kind, message, hint = call.loop.wait(transfer)
    end
  end
  if not ok then
    return nil, second, { kind = kind, message = message, hint = hint }
  end
  return second and not is_answered(first.transfer) and second
    or first.transfer, second
end

return _M
