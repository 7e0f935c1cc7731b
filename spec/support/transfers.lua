-- SPDX-License-Identifier: MIT
--- Transfers of balance.core that fail at once, unless told otherwise.
local core = require "balance.core"

local _M = {}

_M.nobody = "http://127.0.0.1:1"

--- Starts one. `changes` replace fields of the usual request.
function _M.start(changes)
  local request = { endpoint = _M.nobody, path = "/", timeout = 5,
    connect_timeout = 5 }
  for name, value in pairs(changes or {}) do
    request[name] = value
  end
  return assert(core.transport():start(request))
end

--- Waits until one is done, and returns it.
function _M.finish(transfer)
  while not transfer:done() do
    core.transport():wait()
  end
  return transfer
end

return _M
