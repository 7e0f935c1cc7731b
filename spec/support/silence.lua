-- SPDX-License-Identifier: MIT
--- Starts silence_server.lua, whose connections become silent, and controls
-- it.
local core = require "balance.core"
local faults = require "support.faults"
local process = require "support.process"

local _M = {}

local server, ports

local function start()
  local text
  text, server = process.serve("silence_server.lua", os.getenv "SANDBOX_DIR")
  ports = {}
  for name, port in text:gmatch "(%w+) (%d+)" do
    ports[name] = port
  end
end

--- Its endpoint for "plain" HTTP, "tls" or "http2".
function _M.endpoint(protocol)
  if not server then
    start()
  end
  return (protocol == "plain" and "http://127.0.0.1:" or "https://localhost:")
    .. ports[protocol]
end

--- Sends it a command. Returns how many connections there were so far, how
-- many of them are open, and how many requests there were.
function _M.tell(command, value)
  local answer = faults.fetch(("/%s/%d"):format(command, value or 0),
    { endpoint = "http://127.0.0.1:" .. ports.control })
  local connections, open, requests = answer.body:match "(%d+) (%d+) (%d+)"
  return tonumber(connections), tonumber(open), tonumber(requests)
end

--- Waits until so many connections are open.
function _M.await_open(count)
  local open
  for _ = 1, 500 do
    open = select(2, _M.tell "count")
    if open == count then
      return
    end
    core.sleep(0.01)
  end
  error(("%d connections are open, not %d"):format(open, count), 2)
end

--- Before each test: no connection is kept, and the server is not slow.
function _M.begin()
  core.transport():close()
  _M.endpoint "plain"
  _M.tell "silent"
  _M.tell("wait", 0)
  _M.tell("refuse", 0)
  _M.await_open(0)
end

return _M
