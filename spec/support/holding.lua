-- SPDX-License-Identifier: MIT
--- Starts holding_server.lua, a service that can hang, and controls it.
local core = require "balance.core"
local process = require "support.process"

local _M = {}

local ports, server

--- Its endpoint.
function _M.endpoint()
  if not server then
    local text
    text, server = process.serve "holding_server.lua"
    ports = {}
    for name, port in text:gmatch "(%w+) (%d+)" do
      ports[name] = port
    end
  end
  return "http://127.0.0.1:" .. ports.service
end

--- Sends it a command. Returns how many requests there were so far, and how
-- many are held.
function _M.tell(command, value)
  local answer = process.run(("curl -sS http://127.0.0.1:%s/%s/%d"):format(
    ports.control, command, value or 0)) -- not by what the specs are about
  local requests, held = answer:match "^(%d+) (%d+)$"
  assert(requests, answer)
  return tonumber(requests), tonumber(held)
end

--- How many requests there were so far.
function _M.requests()
  return (_M.tell "count")
end

--- Waits until so many requests are held.
function _M.await_held(count)
  local held
  for _ = 1, 1000 do
    held = select(2, _M.tell "count")
    if held == count then
      return
    end
    core.sleep(0.01)
  end
  error(("%d requests are held, not %d"):format(held, count), 2)
end

return _M
