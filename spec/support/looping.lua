-- SPDX-License-Identifier: MIT
--- For the specs of event loops. A server that answers only when several
-- requests are there shows that they are in flight at once; see
-- meeting_server.lua.
local assert = require "luassert"
local core = require "balance.core"
local meeting = require "support.meeting"
local process = require "support.process"

local _M = {}

local rooms = 0

--- The options of a `balance.meeting` that times out: no other call is in its
-- room.
function _M.alone()
  rooms = rooms + 1
  return { size = 2, room = "alone" .. rooms, timeout = 0.2, retries = 0 }
end

--- Goes before each script that runs in a process of its own, with the
-- server's endpoint as its argument.
_M.preamble = [[
  local balance = require "balance"
  local core = require "balance.core"
  local transport = core.transport()
  require("support.meeting").register(arg[1])
]]

--- Runs a script, which must succeed within 20 seconds.
function _M.passes(code, setting)
  local output, status = process.run_lua(_M.preamble .. code,
    (setting or "") .. " timeout --foreground 20", meeting.endpoint())
  assert.equal("0 ", status .. " " .. output)
end

--- A transfer without references is cancelled when it is collected.
function _M.nothing_is_under_way()
  collectgarbage()
  collectgarbage()
  assert.is_nil(core.transport():timeout())
end

return _M
