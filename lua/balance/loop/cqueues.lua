-- SPDX-License-Identifier: MIT
--- How a call waits under a cqueues controller: the transport is an object
-- that it can poll.
-- @module balance.loop.cqueues

local condition = require "cqueues.condition"
local core = require "balance.core"
local cqueues = require "cqueues"

local _M = {}

-- Another coroutine's step may bring a timer forward: look again by then.
local longest = 0.25 -- seconds

--- Waits until a transfer is done.
-- @tparam userdata transfer
-- @treturn boolean true; or nil, a kind and a message
function _M.wait(transfer)
  local transport = core.transport()
  while not transfer:done() do
    local ok, kind, message = transport:step()
    if not ok then
      return nil, kind, message
    end
    if not transfer:done() then
      cqueues.poll(transport, longest)
    end
  end
  return true
end

--- Sleeps.
-- @tparam number seconds
function _M.sleep(seconds)
  cqueues.sleep(seconds)
end

--- Calls functions side by side, each in a coroutine of this controller,
-- which reports what one of them raises.
-- @tparam {function,...} functions
function _M.gather(functions)
  local controller, left = cqueues.running(), #functions
  local ended = condition.new()
  for _, body in ipairs(functions) do
    controller:wrap(function()
      body()
      left = left - 1
      ended:signal()
    end)
  end
  while left > 0 do
    ended:wait()
  end
end

return _M
