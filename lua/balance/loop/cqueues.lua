-- SPDX-License-Identifier: MIT
--- How a call waits under a cqueues controller: the transport is an object
-- that it can poll.
-- @module balance.loop.cqueues

local flight = require "balance.flight"
local cqueues

local _M = {}

--- Loads cqueues; raises where it cannot.
function _M.load()
  cqueues = require "cqueues"
end

-- A poll ends after this time at the latest: another coroutine's step may have
-- brought a timer forward. Shorter where there is no descriptor to poll.
local max_poll, max_poll_without_descriptor = 0.25, 0.005 -- seconds

--- Waits until a transfer is done.
-- @tparam userdata transfer
-- @treturn boolean true; or nil, a kind, a message and a hint
function _M.wait(transfer)
  local transport = transfer:transport()
  local limit = transport:fd() and max_poll or max_poll_without_descriptor
  local ok, kind, message, hint = transport:step()
  while ok and not transfer:done() do
    cqueues.poll(transport, limit)
    ok, kind, message, hint = transport:step()
  end
  return ok and true, kind, message, hint
end

--- Sleeps.
-- @tparam number seconds
function _M.sleep(seconds)
  cqueues.sleep(seconds)
end

-- The controller that polls one of a gather.
local outer = setmetatable({}, { __mode = "k" })

--- Runs a function in a coroutine of the running controller; inside a gather,
-- which waits for all of its own, of the one around it.
-- @tparam function body
-- @treturn boolean false where no controller runs
function _M.spawn(body)
  local controller = cqueues.running()
  while outer[controller] do
    controller = outer[controller]
  end
  if controller then
    controller:wrap(body)
  end
  return controller ~= nil
end

--- Calls functions side by side, in coroutines of a new controller, which the
-- running controller polls; one after the other where no descriptor is left
-- for a new one.
-- @tparam {function,...} functions
-- @raise what one of them raised; the others are given up
function _M.gather(functions)
  local ok, controller = pcall(cqueues.new)
  if not ok then
    for _, body in ipairs(functions) do
      body()
    end
    return
  end
  outer[controller] = cqueues.running()
  local threads = {}
  for _, body in ipairs(functions) do
    controller:wrap(function()
      threads[#threads + 1] = coroutine.running()
      body()
    end)
  end
  local message
  ok, message = controller:loop()
  controller:close()
  if not ok then
    for _, thread in ipairs(threads) do
      flight.give_up(thread)
    end
    error(message, 0)
  end
end

return _M
