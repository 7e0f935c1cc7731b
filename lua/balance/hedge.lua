-- SPDX-License-Identifier: MIT
--- One request, and a second one where a kept connection is silent.
--
-- A connection that a NAT or a load balancer has forgotten looks like one on
-- which a slow service is at work, and nobody can tell them apart. So a second
-- request goes out over a new connection while the first still waits, and the
-- first answer ends both.
-- @module balance.hedge

local _M = {}

local function is_answered(transfer)
  return transfer:done() and not transfer:result().kind
end

--- Waits for an answer.
-- @tparam userdata first a transfer that was started with `watch`
-- @tparam table loop see `balance.loop`
-- @tparam function ask_again gets the first; returns the second, or nil where
-- there is to be none
-- @treturn ?userdata the transfer that is done: the one with an answer; without
-- one the second, which says how things are now; nil where the loop failed
-- @treturn ?userdata the second, to be closed as the first
-- @treturn ?string a kind, where the loop failed
-- @treturn ?string a message
-- @treturn ?string a hint
function _M.wait(first, loop, ask_again)
  local ok, kind, message, hint = loop.wait(first)
  if not ok or not first:stalled() then
    return ok and first or nil, nil, kind, message, hint
  end
  local second = ask_again(first)
  for _, transfer in ipairs { second or first, first } do
    if ok and not transfer:done() then
      ok, kind, message, hint = loop.wait(transfer)
    end
  end
  if not ok then
    return nil, second, kind, message, hint
  end
  return second and not is_answered(first) and second or first, second
end

return _M
