-- SPDX-License-Identifier: MIT
--- Starts silence_server.lua, whose connections become silent, controls it,
-- and calls it.
local assert = require "luassert"
local balance = require "balance"
local core = require "balance.core"
local faults = require "support.faults"
local process = require "support.process"
local retry = require "balance.retry"

local _M = {}

local real_random = retry.random

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

--- Before each test: no connection is kept, retries have no pause, and the
-- server is not slow.
function _M.begin()
  retry.random = function() return 0 end
  core.transport():close()
  _M.endpoint "plain"
  _M.tell "silent"
  _M.tell("wait", 0)
  _M.tell("refuse", 0)
  _M.await_open(0)
end

--- After each test: nothing is under way.
function _M.finish()
  retry.random = real_random
  assert.is_nil(core.transport():timeout())
end

--- A client, and the events of its trace.
function _M.new_client(protocol, changes)
  local events = {}
  local settings = {
    udio = { endpoint = _M.endpoint(protocol), api_key = "s1l3nt-k3y" },
    http2 = protocol == "http2", timeout = 4, rate = false,
    ca_file = os.getenv "SSL_CERT_FILE",
    trace = function(event) events[#events + 1] = event end,
  }
  for name, value in pairs(changes or {}) do
    settings[name] = value
  end
  return balance.new(settings), events
end

--- Forgets the events so far.
function _M.forget(events)
  for i = #events, 1, -1 do
    events[i] = nil
  end
end

--- The names of events.
function _M.names(events)
  local list = {}
  for i, event in ipairs(events) do
    list[i] = event.event
  end
  return table.concat(list, " ")
end

local function accounts(count)
  local list = {}
  for i = 1, count do
    list["account" .. i] = { provider = "udio" }
  end
  return list
end

--- Makes calls at once, all of which must succeed. Returns the attempts that
-- they took.
function _M.ask_many(client, count)
  local results, failures = client:all(accounts(count))
  for _, err in pairs(failures) do
    error(tostring(err))
  end
  local attempts = 0
  for _, result in pairs(results) do
    attempts = attempts + result.attempts
  end
  return attempts
end

--- Makes a call, which must succeed.
function _M.ask(client, options)
  local result, err = client:udio(options)
  assert.is_nil(err, tostring(err))
  return result
end

--- How many requests there were.
function _M.requests()
  return (select(3, _M.tell "count"))
end

return _M
