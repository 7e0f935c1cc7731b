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
local function ask_again(call, endpoint, limit, started, begun, start)
  local first = started[1]
  local max_wait = (limit - (core.now() - begun)) / 2
  if not turn.take(call, max_wait) or first:done() then
    return
  end
  local now = core.now()
  local left = math.max(call.deadline - now, 0)
  local problem =
    start(call, endpoint, math.min(limit, left), started, first)
  if not problem and call.emit then
    call.emit { event = "hedge", attempt = call.attempts + 1,
      endpoint = endpoint, wait = now - begun }
  end
end

--- Asks again where that can be, and waits for an answer.
-- @tparam table call see `balance.call`
-- @tparam string endpoint
-- @tparam number limit seconds of the first
-- @tparam {userdata,...} started the first transfer, which is stalled; the
-- second is put beside it
-- @tparam number begun when the first was started, by `core.now`
-- @tparam function start as of `balance.attempt`
-- @treturn ?userdata the transfer with an answer, or the second one where none
-- has; nil where the loop failed
-- @treturn ?table then, the fields of a failure
function _M.run(call, endpoint, limit, started, begun, start)
  ask_again(call, endpoint, limit, started, begun, start)
  local first, second = started[1], started[2]
  for _, transfer in ipairs { second or first, first } do
    if not transfer:done() then
      local ok, kind, message, hint = call.loop.wait(transfer)
      if not ok then
        return nil, { kind = kind, message = message, hint = hint }
      end
    end
  end
  return second and not is_answered(first) and second or first
end

return _M
