-- SPDX-License-Identifier: MIT
--- How a call waits in a plain script: it does, and nothing else goes on.
-- @module balance.loop.blocking

local core = require "balance.core"

local _M = {}

--- Waits until a transfer is done. Between two waits Lua runs, and with it
-- the handler of a Ctrl-C.
-- @tparam userdata transfer
-- @treturn boolean true; or nil, a kind and a message
function _M.wait(transfer)
  local transport = core.transport()
  while not transfer:done() do
    local ok, kind, message = transport:wait()
    if not ok then
      return nil, kind, message
    end
  end
  return true
end

return _M
