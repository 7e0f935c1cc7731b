-- SPDX-License-Identifier: MIT
--
-- Which loop a call waits in; and loops of the caller's, with what the
-- transport has for them: the template, and copas.
local balance = require "balance"
local copas = require "support.copas"
local core = require "balance.core"
local cqueues = require "cqueues"
local failure = require "balance.failure"
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
      sleep = function() end, gather = print,
    } }
    local result, err = client.udio()
    assert.is_nil(result)
    assert.equal("udio: network: no more descriptors", tostring(err))
    looping.nothing_is_under_way()
  end)

  it("that fails in its wait is asked again where the kind may be over soon",
    function()
      for kind, retryable in pairs(failure.kinds) do
        local waits = 0
        local client = balance.new { retries = 1, loop = {
          wait = function()
            waits = waits + 1
            return nil, kind, "the loop's own", "look here"
          end,
          sleep = function() end, gather = print,
        } }
        local _, err = client.udio()
        assert.equal(kind, err.kind)
        assert.equal("the loop's own", err.message)
        assert.equal("look here", err.hint)
        assert.equal(retryable and 2 or 1, waits, kind)
        looping.nothing_is_under_way()
      end
    end)

  it("whose wait returns no kind or an unknown one raises at that wait",
    function()
      for shown, kind in pairs { ["an unknown kind 'netwrok'"] = "netwrok",
        ["neither true nor a kind"] = false } do
        local line = debug.getinfo(1, "l").currentline + 1
        local function wait()
          return nil, kind or nil, "no more descriptors"
        end
        local client = balance.new {
          loop = { wait = wait, sleep = function() end, gather = print },
        }
        local ok, message = pcall(client.udio)
        assert.is_false(ok)
        assert.matches(("loops_own_spec.lua:%d: the loop's 'wait' returned %s")
          :format(line, shown), message, 1, true)
        looping.nothing_is_under_way()
      end
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

-- After the code of a loop, and of `spawn(body)`, `tick()` and `run(is_over)`:
-- two calls are in flight while another coroutine ticks, and a third one ends
-- them; then balance.all, a call over TLS, one that fails, one that is late.
local scenario = [[
  local client = balance.new { loop = loop }
  local met, ticks = {}, 0
  local function meet()
    local result = client:meeting { size = 3, room = "own" }
    met[#met + 1] = result.credits
  end
  spawn(meet)
  spawn(meet)
  spawn(function()
    for _ = 1, 20 do
      tick()
      ticks = ticks + 1
      assert(#met == 0)
    end
    meet()
  end)
  run(function() return #met == 3 end)
  assert(met[1] == 3 and met[2] == 3 and met[3] == 3 and ticks == 20)

  local over
  spawn(function()
    local before = core.now()
    loop.sleep(0.05)
    assert(core.now() - before >= 0.05)
    local results, failures = client:all {
      udio = {}, a = { provider = "meeting", size = 2, room = "own" },
      b = { provider = "meeting", size = 2, room = "own" },
      nobody = { provider = "udio", endpoint = "http://127.0.0.1:1" },
      late = { provider = "meeting", size = 2, room = "own-late",
        timeout = 0.2, retries = 0 },
    }
    assert(results.udio.credits == 195)
    assert(results.a.credits == 2 and results.b.credits == 2)
    assert(failures.nobody.kind == "connect")
    assert(failures.late.kind == "timeout")
    over = true
  end)
  run(function() return over end)
  assert(over)
]]

-- Of two accounts one raises an error, as its function of the caller's does.
local accounts = [[
  local accounts = { udio = {}, vault = { provider = "udio",
    credentials = function() error("the vault is shut", 0) end } }
]]

describe("the template of a loop", function()
  local code = process.read("examples/README.md"):match(
    "```lua\n([^`]-\nlocal threads = {}.-)\nlocal client")
    .. "\nlocal tick = coroutine.yield\n"

  it("has two calls in flight while another coroutine ticks #matrix",
    function()
      passes(code .. scenario)
    end)

  it("raises what one of its calls raises #matrix", function()
    passes(code .. accounts .. [[
      local client = balance.new { loop = loop }
      spawn(function() client:all(accounts) end)
      local ok, message = pcall(run)
      assert(not ok and message:find("the vault is shut", 1, true), message)
    ]])
  end)
end)

describe("the loop of examples/copas_loop.lua", function()
  local lack = copas.lack()
  local code = process.read("examples/copas_loop.lua"):match(
    "^(.-)\nlocal client") .. [[

    local function run(is_over)
      while not is_over() do
        copas.step(0.05)
      end
    end
  ]]

  it("has two calls in flight while a thread talks over a socket", function()
    if lack then
      pending(lack)
    end
    passes(code .. [[
      local socket = require "socket"
      local spawn = copas.addthread

      -- A tick is a line to an echo server, and back.
      local listener = assert(socket.bind("127.0.0.1", 0))
      local port = select(2, listener:getsockname())
      copas.addserver(listener, function(connection)
        connection = copas.wrap(connection)
        for _ = 1, 20 do
          connection:send(connection:receive() .. "\n")
        end
      end)
      local connection
      local function tick()
        if not connection then
          local raw = socket.tcp()
          raw:settimeout(0)
          assert(copas.connect(raw, "127.0.0.1", port))
          connection = copas.wrap(raw)
        end
        connection:send("tick\n")
        assert(connection:receive() == "tick")
      end
    ]] .. scenario, copas.setting)
  end)

  it("raises what one of its calls raises", function()
    if lack then
      pending(lack)
    end
    passes(code .. accounts .. [[
      local client = balance.new { loop = loop }
      local problem
      copas.addthread(function()
        copas.setErrorHandler(function(message) problem = message end)
        client:all(accounts)
      end)
      run(function() return problem end)
      assert(problem == "the vault is shut", problem)
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

  -- Kept connections are watched, too.
  it("has one that is not readable for ever after the other side has ended a"
    .. " connection that nobody uses", function()
    local fd = transport:fd()
    if not fd then
      return -- this build uses poll, which has none
    end
    local object, readable = { pollfd = fd, events = "r" }, {}
    assert.equal(200, faults.fetch("/idle-close").status)
    local controller = cqueues.new()
    controller:wrap(function()
      readable[1] = cqueues.poll(object, 5) == object
      assert.equal(1, transport:step())
      readable[2] = cqueues.poll(object, 0) == object
    end)
    assert(controller:loop())
    assert.same({ true, false }, readable)
    assert.is_nil(transport:timeout())
    local result = faults.fetch("/none")
    assert.equal(200, result.status)
    assert.is_false(result.reused)
  end)

  -- Readable within five seconds, by nothing but the descriptor.
  local function is_readable(seconds)
    local object, found = { pollfd = transport:fd(), events = "r" }, nil
    local controller = cqueues.new()
    controller:wrap(function()
      found = cqueues.poll(object, seconds) == object
    end)
    assert(controller:loop())
    return found
  end

  it("has a descriptor that is enough: it is readable in time too", function()
    if not transport:fd() then
      return -- this build uses poll
    end
    local before, steps = core.now(), 0
    local late, later = start("/silent", 0.1), start("/silent", 0.2)
    assert.is_true(is_readable(5)) -- a step is due after a start
    transport:step()
    while not later:done() do
      assert.is_true(is_readable(5))
      transport:step()
      steps = steps + 1
    end
    assert.is_true(core.now() - before >= 0.19)
    assert.is_true(late:done() and steps < 20, steps)
  end)

  it("has a descriptor that is silent while nothing is under way", function()
    if not transport:fd() then
      return -- this build uses poll
    end
    local transfer = start("/silent", 0.1)
    transport:step()
    assert.is_true(is_readable(5))
    transfer:close()
    process.sleep(0.15) -- the alarm rings for nothing
    transport:step()
    assert.is_false(is_readable(0.05))
    assert.equal(200, faults.fetch("/none").status)
    transport:step()
    assert.is_false(is_readable(0.05))
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
