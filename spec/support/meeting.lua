-- SPDX-License-Identifier: MIT
--- Calls that are answered only when several are in flight at once:
-- `balance.meeting { size = 3 }` waits for two others. See meeting_server.lua.
-- A call that is to time out needs `retries = 0`: its second attempt could
-- meet the first one, whose end the server may not have seen yet.
local balance = require "balance"
local process = require "support.process"

local _M = {}

local server

--- "http://127.0.0.1:PORT" of the server, which is started once a run.
function _M.endpoint()
  if not server then
    _M.port, server = process.serve "meeting_server.lua"
  end
  return "http://127.0.0.1:" .. _M.port
end

--- Registers the provider. `credits` of a result is how many calls met.
-- @tparam ?string endpoint where the server runs already
function _M.register(endpoint)
  balance.register {
    name = "meeting",
    unit = "credit",
    endpoint = endpoint or _M.endpoint(),
    credentials = {},
    options = { size = "number", room = "string" },
    request = function(config)
      return { path = ("/%d/%s"):format(config.size, config.room or "") }
    end,
    read = function(status, body)
      if status ~= 200 then
        return nil, { kind = "http", message = "no meeting" }
      end
      return { credits = body.data.credits, available_from = "credits" }
    end,
  }
end

return _M
