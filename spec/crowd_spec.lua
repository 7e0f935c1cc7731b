-- SPDX-License-Identifier: MIT
local core = require "balance.core"
local faults = require "support.faults"
local process = require "support.process"
local socket = require "cqueues.socket"

local endpoint = os.getenv "UDIO_ENDPOINT"
local http1 = os.getenv "SANDBOX_HTTP1"
local transport = core.transport()

local function begin(changes)
  local request = {
    endpoint = endpoint, ca_file = os.getenv "SSL_CERT_FILE", path = "/",
    timeout = 60, connect_timeout = 60, http2 = true,
  }
  for name, value in pairs(changes or {}) do
    request[name] = value
  end
  return assert(transport:start(request))
end

local function wait_for(transfers)
  for _, transfer in ipairs(transfers) do
    while not transfer:done() do
      transport:wait()
    end
  end
end

-- Runs transfers side by side. Returns the number of their connections, with
-- those in `seen`.
local function run(count, changes, seen)
  local transfers, connections = {}, 0
  seen = seen or {}
  for i = 1, count do
    transfers[i] = begin(changes)
  end
  wait_for(transfers)
  for _, transfer in ipairs(transfers) do
    assert.is_number(transfer:result().status)
    seen[assert(transfer:header("x-sandbox-connection"))] = true
  end
  for _ in pairs(seen) do
    connections = connections + 1
  end
  return connections
end

-- Slow enough for all of them to be under way together.
local function slow(milliseconds, where)
  return {
    endpoint = where, path = "/api/v2/credits", scheme = "Bearer",
    authorization = os.getenv "UDIO_API_KEY",
    headers = { ["X-Sandbox-Delay"] = tostring(milliseconds) },
  }
end

-- A server of which the client does not know yet whether it speaks HTTP/2.
local function hanging()
  faults.endpoint()
  return "https://localhost:" .. faults.ports.tls
end

describe("many transfers at once #transport", function()
  before_each(function()
    transport:close()
  end)

  it("share a few connections over HTTP/2", function()
    assert.is_true(run(200) <= 4)
    assert.is_true(run(200) <= 4)
  end)

  it("share them beside one that HTTP/2 is not welcome to", function()
    local changes = slow(2500)
    changes.http2 = false
    local beside = begin(changes)
    for _ = 1, 10 do
      transport:wait(0.02)
    end
    assert.is_true(run(100) <= 4)
    wait_for { beside }
  end)

  it("open one more where a connection of HTTP/2 is full #fast", function()
    assert.equal(1, run(1))
    local connections = run(150, slow(2500))
    assert.is_true(connections > 1 and connections <= 4)
  end)

  it("are few at first over HTTP/1.1, and more where the service is slow",
    function()
    local output, status = process.run(process.build .. "/spec/routes_work")
    assert.equal("0 ", status .. " " .. output)
  end)

  -- All but a few: of more than 64 idle ones the first calls close some.
  it("keep theirs over HTTP/1.1 for the next ones", function()
    local seen = {}
    for _ = 1, 3 do
      assert.is_true(run(100, slow(700, http1), seen) <= 120)
    end
  end)

  it("have a connection each where HTTP/2 is not welcome", function()
    local changes = slow(700)
    changes.http2 = false
    assert.equal(20, run(20, changes))
  end)

  -- libcurl 7.88 lets two share a connection of HTTP/1.1 to a host that has
  -- spoken HTTP/2, and each may get the other's answer.
  it("get their own answers where a host speaks HTTP/1.1 and HTTP/2",
    function()
    local number = 0
    local function numbered(http2, delay)
      number = number + 1
      local changes = slow(delay)
      changes.http2 = http2
      changes.headers["X-Sandbox-Answer"] = "body:" .. number
      return begin(changes)
    end
    for round = 1, 6 do
      local transfers = {}
      for i = 1, 30 do
        transfers[i] = numbered((i + round) % 3 == 0, i % 7 * 5)
        if i % 10 == round then
          wait_for { transfers[i] }
        end
      end
      wait_for(transfers)
      for i, transfer in ipairs(transfers) do
        local result = transfer:result()
        assert.equal(number - 30 + i, tonumber(result.body), result.message)
      end
    end
  end)

  it("get their own answers where servers behind one name differ", function()
    faults.choose "none"
    local either = "https://localhost:" .. faults.ports.either
    local first = begin { endpoint = either, path = "/late-echo?1" }
    for _ = 1, 10 do
      transport:wait(0.02)
    end
    faults.choose "silent" -- now the server chooses HTTP/2
    local second = begin { endpoint = either }
    wait_for { second }
    assert.equal(2, second:result().http_version)
    faults.choose "none"
    local third = begin { endpoint = either, path = "/echo?3" }
    wait_for { first, third }
    assert.matches("^GET /late%-echo%?1 ", first:result().body)
    assert.equal(1.1, first:result().http_version)
    -- libcurl 8 has it join the second, whose server has one answer for all.
    assert.matches(third:result().http_version == 2 and '"credits":2,'
      or "^GET /echo%?3 ", third:result().body or "")
  end)

  -- Where a host has a connection of HTTP/2, libcurl 7.88 takes a tunnel that
  -- is not established yet for another one.
  it("do not go into a tunnel that has no other end yet", function()
    local log = os.tmpname()
    local port, server = process.serve("proxy_server.lua", log, "0.7")
    local proxy = "http://127.0.0.1:" .. port
    local late = begin { proxy = proxy }
    local finish = core.now() + 5
    while process.read(log) == "" and core.now() < finish do
      transport:wait(0.01)
    end
    proxy = proxy .. "/" -- the same proxy, but another queue of the module
    local open = begin { proxy = proxy }
    wait_for { open }
    local last = begin { proxy = proxy }
    wait_for { last, late }
    server.stop()
    os.remove(log)
    for _, transfer in ipairs { late, open, last } do
      local result = transfer:result()
      assert.equal(2, result.http_version, result.message)
    end
  end)

  it("may be more than there can be connections", function()
    assert.is_true(run(700, { http2 = false }) <= 512)
  end)

  it("end when their time is up, whether or not their turn has come",
    function()
    local transfers = {}
    for i = 1, 10 do
      transfers[i] = begin {
        endpoint = hanging(), path = "/silent", timeout = 0.2,
      }
    end
    wait_for(transfers)
    for _, transfer in ipairs(transfers) do
      assert.equal("timeout", transfer:result().kind)
    end
  end)

  it("do not wait for those that were cancelled", function()
    local first = {}
    for i = 1, 4 do
      first[i] = begin { endpoint = hanging(), path = "/silent" }
    end
    local last = begin { endpoint = hanging(), path = "/none" }
    for _, transfer in ipairs(first) do
      transfer:close()
    end
    wait_for { last }
    assert.equal(200, last:result().status)
  end)

  it("do not wait long for those whose server hangs", function()
    local server = assert(socket.listen { host = "127.0.0.1", port = 0 })
    local _, _, port = server:localname()
    local transfers, connections = {}, {} -- kept under way, without answers
    for i = 1, 6 do
      transfers[i] = begin { endpoint = "https://127.0.0.1:" .. port }
    end
    local finish = core.now() + 15
    while #connections < 6 and core.now() < finish do
      transport:wait(0.1)
      connections[#connections + 1] = server:accept(0)
    end
    for _, transfer in ipairs(transfers) do
      transfer:close()
    end
    server:close()
    assert.equal(6, #connections)
  end)

  it("do not wait for those that cannot connect", function()
    local transfers = {}
    for i = 1, 20 do
      transfers[i] = begin { endpoint = "https://127.0.0.1:1" }
    end
    wait_for(transfers)
    for _, transfer in ipairs(transfers) do
      assert.equal("connect", transfer:result().kind)
    end
  end)

  it("do not wait for those by way of another proxy", function()
    local proxy = faults.endpoint()
    faults.choose "silent"
    local first = {}
    for i = 1, 4 do
      first[i] = begin { proxy = proxy }
    end
    local last = { begin(), begin { proxy = "" } }
    wait_for(last)
    for i, transfer in ipairs(last) do
      assert.is_number(transfer:result().status, i)
    end
    for _, transfer in ipairs(first) do
      assert.is_false(transfer:done())
      transfer:close()
    end
    faults.choose "none"
  end)

  it("may be given up in any order", function()
    for offset = 0, 2 do
      local transfers = {}
      for i = 1, 60 do
        transfers[i] = begin { endpoint = http1 }
      end
      for i = 1 + offset, 60, 3 do
        transport:wait(0.001)
        transfers[i]:close()
      end
      wait_for(transfers)
    end
    transport:close()
    assert.equal(1, run(1))
  end)
end)
