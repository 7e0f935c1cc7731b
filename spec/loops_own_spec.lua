-- SPDX-License-Identifier: MIT
--
-- Which loop a call waits in; and loops of the caller's, with what the
-- transport has for them: copas is one.
local balance = require "balance"
local copas = require "support.copas"
local core = require "balance.core"
local cqueues = require "cqueues"
local faults = require "support.faults"
local looping = require "support.looping"
local loops = require "balance.loop"
local meeting = require "support.meeting"
local process = require "support.process"

local passes = looping.passes

meeting.register()

describe("the loop", function()
  local own = { wait = print, sleep = print, gather = print }

  it("is found by itself", function()
    assert.equal(require "balance.loop.blocking", loops.choose())
    local found
    local controller = cqueues.new()
    controller:wrap(function() found = loops.choose() end)
    assert(controller:loop())
    assert.equal(require "balance.loop.cqueues", found)
    assert.equal(require "balance.loop.blocking", loops.choose())
  end)

  it("is the one that the client was told", function()
    assert.equal(require "balance.loop.luv", loops.choose "luv")
    assert.equal(own, loops.choose(own))
    for _, name in ipairs { "blocking", "cqueues" } do
      local client = balance.new { loop = name }
      assert.equal(195, client:udio().available)
      assert.equal(195, client:all({ udio = {} }).udio.available)
    end
  end)

  it("may be a table of the caller's", function()
    local blocking = require "balance.loop.blocking"
    local calls = {}
    local function counted(name)
      return function(...)
        calls[#calls + 1] = name
        return blocking[name](...)
      end
    end
    local client = balance.new { loop = {
      wait = counted "wait", sleep = counted "sleep",
      gather = counted "gather",
    } }
    assert.equal(195, client.udio().available)
    assert.same({ "wait" }, calls)
    assert.equal(195, client.all({ udio = {} }).udio.available)
    assert.same({ "wait", "gather", "wait" }, calls)
  end)

  it("that fails in its wait makes the call fail", function()
    local client = balance.new { loop = {
      wait = function() return nil, "network", "no more descriptors" end,
      sleep = print, gather = print,
    } }
    local result, err = client.udio()
    assert.is_nil(result)
    assert.equal("udio: network: no more descriptors", tostring(err))
    looping.nothing_is_under_way()
  end)

  it("that cannot be raises at the caller's line", function()
    for _, mistake in ipairs {
      { "libev", "unknown loop 'libev'" },
      { "nginx", "the loop 'nginx' cannot be used here: " },
      { 5, "'loop' must be a string or a table, not a number" },
      { {}, "a loop must have a function 'wait'" },
      { { wait = print, gather = print }, "a function 'sleep'" },
      { { wait = print, sleep = print, gather = true }, "'gather'" },
    } do
      local line = debug.getinfo(1, "l").currentline + 2
      local ok, message = pcall(function()
        return (balance.new { loop = mistake[1] })
      end)
      assert.is_false(ok)
      assert.matches(mistake[2], message, 1, true)
      assert.matches("loops_own_spec.lua:" .. line .. ":", message, 1, true)
    end
  end)
end)

-- The README's own code, up to where it makes a client. It waits for the
-- transport's descriptor, which a build with poll does not have.
local describe_copas = core.transport():fd() and copas.is_whole()
  and describe or pending
describe_copas("under copas", function()
  local code = process.read("examples/README.md"):match(
    "```lua\n([^`]-require \"copas\".-)\nlocal client")

  it("the README's loop has two calls in flight while another thread ticks",
    function()
      passes(code .. [[

        local socket = require "socket"
        local client = balance.new { loop = loop }

        -- A thread that ticks: it sends lines to an echo server.
        local listener = assert(socket.bind("127.0.0.1", 0))
        local port = select(2, listener:getsockname())
        copas.addserver(listener, function(connection)
          connection = copas.wrap(connection)
          for _ = 1, 20 do
            connection:send(connection:receive() .. "\n")
          end
        end)
        local met, ticks = {}, 0
        local function meet()
          local result = client:meeting { size = 3, room = "copas" }
          met[#met + 1] = result.credits
        end
        copas.addthread(meet)
        copas.addthread(meet)
        copas.addthread(function()
          local connection = socket.tcp()
          connection:settimeout(0)
          assert(copas.connect(connection, "127.0.0.1", port))
          connection = copas.wrap(connection)
          for i = 1, 20 do
            connection:send(i .. "\n")
            assert(connection:receive() == tostring(i))
            ticks = ticks + 1
            assert(#met == 0)
          end
          meet()
        end)
        while #met < 3 do
          copas.step(0.05)
        end
        assert(met[1] == 3 and met[2] == 3 and met[3] == 3 and ticks == 20)

        -- balance.all, a call over TLS, one that fails, one that is late.
        local over
        copas.addthread(function()
          local before = core.now()
          loop.sleep(0.05)
          assert(core.now() - before >= 0.05)
          local results, failures = client:all {
            udio = {}, a = { provider = "meeting", size = 2, room = "copas" },
            b = { provider = "meeting", size = 2, room = "copas" },
            nobody = { provider = "udio", endpoint = "http://127.0.0.1:1" },
            late = { provider = "meeting", size = 2, room = "copas-late",
              timeout = 0.2, retries = 0 },
          }
          assert(results.udio.credits == 195)
          assert(results.a.credits == 2 and results.b.credits == 2)
          assert(failures.nobody.kind == "connect")
          assert(failures.late.kind == "timeout")
          over = true
        end)
        while not over do
          copas.step(0.05)
        end
      ]], copas.setting)
    end)
end)

describe("the transport, for other loops", function()
  local transport = core.transport()

  local function start(path, timeout)
    return assert(transport:start {
      endpoint = faults.endpoint(), path = path, timeout = timeout or 5,
      connect_timeout = 5,
    })
  end

  it("has nothing to wait for while nothing is under way", function()
    transport:close()
    assert.is_nil(transport:timeout())
    assert.is_nil(transport:finished())
    assert.equal(0, transport:step())
    assert.equal(0, transport:wait())
    assert.equal("r", transport:events())
  end)

  it("says by when a step is due, and each that has ended once", function()
    local transfers, ended = {}, {}
    for i = 1, 3 do
      transfers[i] = start(i < 3 and "/none" or "/silent", i < 3 and 5 or 0.1)
    end
    while transport:timeout() do
      local seconds = transport:timeout()
      assert.is_true(seconds >= 0 and seconds <= 5)
      transport:wait(seconds)
      for id in transport.finished, transport do
        assert.is_nil(ended[id])
        ended[id] = true
      end
    end
    for _, transfer in ipairs(transfers) do
      assert.is_true(ended[transfer:id()])
      assert.is_true(transfer:done())
    end
    assert.equal("timeout", transfers[3]:result().kind)
    assert.is_nil(transport:finished())
  end)

  it("does not name one that was closed before it ended, or before anybody"
    .. " asked", function()
    local closed, ended = start "/silent", start "/none"
    closed:close()
    while not ended:done() do
      transport:wait()
    end
    ended:close()
    assert.is_nil(transport:finished())
    assert.is_nil(transport:timeout())
  end)

  it("has a descriptor that is readable when there is something to move, or"
    .. " none", function()
    local fd = transport:fd()
    assert.equal(fd, transport:pollfd())
    if not fd then
      return -- this build uses poll, which has none
    end
    local transfer, readable = start "/drip", 0 -- a byte now and then
    transport:step()
    local controller = cqueues.new()
    controller:wrap(function()
      local object = { pollfd = fd, events = "r" }
      while readable < 3 and not transfer:done() do
        if cqueues.poll(object, transport:timeout()) == object then
          readable = readable + 1
        end
        transport:step()
      end
    end)
    assert(controller:loop())
    assert.equal(3, readable)
    transfer:close()
  end)

  it("a closed one opens anew with the next call", function()
    local transfer = start "/silent"
    transport:close()
    assert.equal("closed", transfer:result().kind)
    assert.is_nil(transport:timeout())
    local fd = transport:fd()
    assert.is_true(fd == nil or fd >= 0)
    assert.equal(200, faults.fetch("/none").status)
  end)
end)
