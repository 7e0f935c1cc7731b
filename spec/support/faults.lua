-- SPDX-License-Identifier: MIT
--- Starts fault_server.lua and calls it.
local core = require "balance.core"
local blocking = require "balance.loop.blocking"
local process = require "support.process"

local _M = {}

local server

--- "http://127.0.0.1:PORT" of the server, which is started once a run. Then
-- `ports` has its ports.
function _M.endpoint()
  if not server then
    local ports
    ports, server = process.serve("fault_server.lua", os.getenv "SANDBOX_DIR")
    _M.ports = {}
    for name, port in ports:gmatch("(%w+) (%d+)") do
      _M.ports[name] = port
    end
  end
  return "http://127.0.0.1:" .. _M.ports.plain
end

--- Runs a transfer to its end. `changes` replace fields of the usual request.
-- Returns its result and the transfer; nil, a kind and a message where it did
-- not start.
function _M.fetch(path, changes)
  local request = {
    endpoint = changes and changes.endpoint or _M.endpoint(),
    path = path,
    timeout = 5,
    connect_timeout = 5,
  }
  for name, value in pairs(changes or {}) do
    request[name] = value
  end
  local transfer, kind, message = core.transport():start(request)
  if not transfer then
    return nil, kind, message
  end
  assert(blocking.wait(transfer))
  return transfer:result(), transfer
end

--- Chooses the fault of every request whose path names none, with the bytes
-- that it needs. Returns how many connections came to the port "elsewhere",
-- where there should be none.
function _M.choose(name, bytes)
  _M.endpoint()
  return tonumber(_M.fetch("/" .. name, { body = bytes or "",
    endpoint = "http://127.0.0.1:" .. _M.ports.control,
    headers = { Expect = "" } }).body) -- no "100-continue" for a long body
end

return _M
