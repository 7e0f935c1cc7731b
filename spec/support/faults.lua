-- SPDX-License-Identifier: MIT
--- Starts the server that misbehaves and calls it.
local core = require "balance.core"
local blocking = require "balance.loop.blocking"
local process = require "support.process"

local _M = {}

local server

--- "http://127.0.0.1:PORT" of the one server of this run. Its ports are in
-- `ports` then.
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

--- A transfer from start to end; `changes` go over the usual request. Returns
-- its result and the transfer; nil, kind and message where it did not start.
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

--- What every request gets from now on whose path names nothing; `bytes` go
-- with it. Returns how many connections came to where nobody should come.
function _M.choose(name, bytes)
  _M.endpoint()
  return tonumber(_M.fetch("/" .. name, { body = bytes or "",
    endpoint = "http://127.0.0.1:" .. _M.ports.control,
    headers = { Expect = "" } }).body) -- a long body need not be asked for
end

return _M
