-- SPDX-License-Identifier: MIT
--
-- How a call waits: in a plain script, under cqueues, luv and copas, and in a
-- loop of the caller's. A server that answers only when several requests are
-- there shows that they are in flight at once; see
-- spec/support/meeting_server.lua.
local balance = require "balance"
local copas = require "support.copas"
local core = require "balance.core"
local cqueues = require "cqueues"
local loops = require "balance.loop"
local faults = require "support.faults"
local meeting = require "support.meeting"
local process = require "support.process"

meeting.register()

-- The options of a call that times out: no other call is in its room.
local rooms = 0
local function alone()
  rooms = rooms + 1
  return { size = 2, room = "alone" .. rooms, timeout = 0.2, retries = 0 }
end

-- Goes before each script that runs in a process of its own.
local preamble = [[
  local balance = require "balance"
  local core = require "balance.core"
  local transport = core.transport()
  require("support.meeting").register(arg[1])
  balance.register { name = "crash", unit = "credit", endpoint = arg[1],
    credentials = {}, request = function() return { path = "/1/crash" } end,
    read = function() error("the read crashed", 0) end }
]]

-- Runs a script, which must succeed within 20 seconds.
local function passes(code, setting)
  local output, status = process.run_lua(preamble .. code,
    (setting or "") .. " timeout --foreground 20", meeting.endpoint())
  assert.equal("0 ", status .. " " .. output)
end

-- A transfer without references is cancelled when it is collected.
local function nothing_is_under_way()
  collectgarbage()
  collectgarbage()
  assert.is_nil(core.transport():timeout())
end

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
    nothing_is_under_way()
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
      assert.matches("loops_spec.lua:" .. line .. ":", message, 1, true)
    end
  end)
end)

describe("a plain script", function()
  local blocking = require "balance.loop.blocking"

  it("has calls in flight at once, and sleeps beside them", function()
    local met, ticks = {}, 0
    blocking.gather {
      function() met[1] = assert(balance.meeting { size = 3 }).credits end,
      function() met[2] = assert(balance.meeting { size = 3 }).credits end,
      function()
        for _ = 1, 10 do
          blocking.sleep(0.005)
          ticks = ticks + 1
        end
        met[3] = assert(balance.meeting { size = 3 }).credits
      end,
    }
    assert.same({ 3, 3, 3 }, met)
    assert.equal(10, ticks)
  end)

  it("sleeps without a gather, and gathers nothing", function()
    local before = core.now()
    blocking.sleep(0.02)
    assert.is_true(core.now() - before >= 0.02)
    blocking.gather {}
    blocking.gather { function() blocking.sleep(0.02) end }
    assert.is_true(core.now() - before >= 0.04)
  end)

  it("gets a failure where one call fails, and the others their answers",
    function()
      local results, failures = balance.all {
        udio = {}, late = { provider = "meeting", size = 2, room = "late",
          timeout = 0.2, retries = 0 },
        nobody = { provider = "udio", endpoint = "http://127.0.0.1:1" },
      }
      assert.equal(195, results.udio.credits)
      assert.equal("timeout", failures.late.kind)
      assert.equal("connect", failures.nobody.kind)
    end)

  it("may call in a coroutine of its own inside a gather", function()
    local results = {}
    local function inside(name)
      return function()
        results[name] = coroutine.wrap(function()
          return balance[name]()
        end)().available
      end
    end
    blocking.gather { inside "udio", inside "tempolor" }
    assert.same({ udio = 195, tempolor = 776.56 }, results)
  end)

  it("may gather inside a gather, and the outer calls go on", function()
    local met = {}
    local function call(name)
      return function()
        met[name] = assert(balance.meeting { size = 4, room = "nest" }).credits
      end
    end
    blocking.gather {
      call "outer",
      function()
        blocking.gather {
          call "first",
          function()
            blocking.sleep(0.01)
            blocking.gather { call "second", call "third" }
          end,
        }
      end,
    }
    assert.same({ outer = 4, first = 4, second = 4, third = 4 }, met)
  end)

  it("gets the error of a function; the others are given up", function()
    local went_on = false
    local wrong = { "any value" }
    local ok, message = pcall(blocking.gather, {
      function()
        balance.meeting { size = 2, room = "given-up" }
        went_on = true
      end,
      function()
        blocking.sleep(10)
        went_on = true
      end,
      function()
        blocking.sleep(0.01)
        error(wrong)
      end,
    })
    assert.is_false(ok)
    assert.equal(wrong, message)
    nothing_is_under_way()
    assert.equal(195, balance.all({ udio = {} }).udio.credits)
    assert.is_false(went_on)
  end)

  it("gets the error of a function in the gather that it belongs to",
    function()
      local caught
      local ok, message = pcall(blocking.gather, {
        function()
          blocking.sleep(0.01) -- while the inner one below runs
          error("of the outer one", 0)
        end,
        function()
          blocking.gather { function() blocking.sleep(0.05) end }
          caught = "not by the inner one"
        end,
      })
      assert.is_false(ok)
      assert.equal("of the outer one", message)
      assert.equal("not by the inner one", caught)
    end)

  it("can be interrupted in a gather, and the next call works", function()
    passes([[
      local ok, message = pcall(balance.all, {
        a = { provider = "meeting", size = 3, room = "interrupted" },
        b = { provider = "meeting", size = 3, room = "interrupted" },
      })
      assert(not ok and message:find "interrupted!", message)
      collectgarbage()
      collectgarbage()
      assert(not transport:timeout())
      assert(balance.all({ udio = {} }).udio.available == 195)
    ]], "timeout --foreground --preserve-status -s INT 0.5")
  end)

  it("gets 'closed' where the transport is closed in a gather", function()
    local kinds = {}
    local function call(i)
      return function()
        kinds[i] = select(2, balance.meeting { size = 9, room = "c" }).kind
      end
    end
    local credits
    blocking.gather {
      call(1), call(2), call(3),
      function()
        blocking.sleep(0.01)
        core.transport():close()
        credits = balance.udio().credits
      end,
    }
    assert.same({ "closed", "closed", "closed" }, kinds)
    assert.equal(195, credits)
    assert.equal(195, balance.udio().credits)
  end)
end)

describe("under cqueues", function()
  local blocking = require "balance.loop.blocking"
  local loop = require "balance.loop.cqueues"

  -- Runs functions in the coroutines of one controller, to the end.
  local function run(...)
    local controller = cqueues.new()
    for _, body in ipairs { ... } do
      controller:wrap(body)
    end
    assert(controller:loop())
  end

  it("two calls are in flight while another coroutine ticks", function()
    local met, ticks = {}, 0
    run(function()
      met[1] = assert(balance.meeting { size = 3, room = "q" }).credits
    end, function()
      met[2] = assert(balance.meeting { size = 3, room = "q" }).credits
    end, function()
      for _ = 1, 20 do
        cqueues.sleep(0.002)
        ticks = ticks + 1
      end
      met[3] = assert(balance.meeting { size = 3, room = "q" }).credits
    end)
    assert.same({ 3, 3, 3 }, met)
    assert.equal(20, ticks)
  end)

  it("a call over TLS works, and a failure is returned", function()
    local udio, refused, late
    run(function()
      udio = balance.udio()
    end, function()
      refused = select(2, balance.udio { endpoint = "http://127.0.0.1:1" })
    end, function()
      late = select(2, balance.meeting(alone()))
    end)
    assert.equal(195, udio.credits)
    assert.equal("connect", refused.kind)
    assert.equal("timeout", late.kind)
  end)

  it("all, gather and sleep wait in coroutines #fast", function()
    local results, failures, met, ticks, over = nil, nil, {}, 0, false
    run(function()
      results, failures = balance.all {
        a = { provider = "meeting", size = 3, room = "all" },
        b = { provider = "meeting", size = 3, room = "all" },
        late = { provider = "meeting", size = 2, room = "all-late",
          timeout = 0.2, retries = 0 },
        udio = {},
      }
      loop.gather {
        function() met[1] = balance.meeting({ size = 2 }).credits end,
        function()
          loop.sleep(0.02)
          met[2] = balance.meeting({ size = 2 }).credits
        end,
      }
      over = true
    end, function()
      cqueues.sleep(0.02)
      assert(balance.meeting { size = 3, room = "all" })
    end, function()
      while not over do
        cqueues.sleep(0.002)
        ticks = ticks + 1
      end
    end)
    assert.equal(3, results.a.credits)
    assert.equal(3, results.b.credits)
    assert.equal(195, results.udio.credits)
    assert.equal("timeout", failures.late.kind)
    assert.same({ 2, 2 }, met)
    assert.is_true(ticks > 20, ticks .. " ticks")
  end)

  it("an error in a gather is raised there; the others are given up",
    function()
      local ok, message, went_on, next_one
      run(function()
        local thread = coroutine.running()
        local controller = cqueues.new() -- Lua 5.1: no yield across a pcall
        controller:wrap(function()
          loop.gather {
            function()
              balance.meeting { size = 2, room = "q-given-up" }
              went_on = true
            end,
            function()
              cqueues.sleep(0.01)
              error("as it was", 0)
            end,
          }
        end)
        ok, message = controller:loop()
        controller:close()
        next_one = balance.all { udio = {} }
        return thread
      end)
      assert.is_falsy(ok)
      assert.equal("as it was", message)
      assert.equal(195, next_one.udio.credits)
      assert.is_nil(went_on)
      nothing_is_under_way()
    end)

  it("a call of a controller that is dropped is cancelled", function()
    local went_on = false
    do
      local controller = cqueues.new()
      controller:wrap(function()
        balance.meeting { size = 2, room = "dropped" }
        went_on = true
      end)
      for _ = 1, 5 do
        assert(controller:step(0.01))
      end
      assert.is_number(core.transport():timeout())
    end
    nothing_is_under_way()
    run(function() assert(balance.udio()) end)
    assert.is_false(went_on)
  end)

  it("several controllers work one after another, and in turn", function()
    for _ = 1, 3 do
      local credits
      run(function() credits = balance.udio().credits end)
      assert.equal(195, credits)
      assert.equal(195, balance.udio().credits)
    end
    local met, controllers = 0, {}
    for i = 1, 3 do
      controllers[i] = cqueues.new()
      controllers[i]:wrap(function()
        local credits = balance.meeting({ size = 3, room = "turn" }).credits
        met = met + credits
      end)
    end
    local rounds = 0
    while met < 9 and rounds < 1000 do
      rounds = rounds + 1
      for _, controller in ipairs(controllers) do
        assert(controller:step(0.002))
      end
    end
    assert.equal(9, met)
  end)

  -- cqueues has to be told before any descriptor is closed.
  it("a transport that is closed meanwhile fails its calls, and the next one"
    .. " works", function()
    local kinds, credits = {}, nil
    local function call(i)
      return function()
        kinds[i] = select(2, balance.meeting { size = 9, room = "qc" }).kind
      end
    end
    run(call(1), call(2), function()
      cqueues.sleep(0.02)
      if core.transport():fd() then
        cqueues.cancel(core.transport())
      end
      core.transport():close()
      credits = balance.udio().credits
    end)
    assert.same({ "closed", "closed" }, kinds)
    assert.equal(195, credits)
  end)

  it("a client that is told to block does", function()
    local ticks = 0
    run(function()
      assert.equal(blocking, loops.choose "blocking")
      assert(balance.new({ loop = "blocking" }):meeting(alone()) == nil)
      ticks = -1000
    end, function()
      while ticks >= 0 do
        cqueues.sleep(0.002)
        ticks = ticks + 1
      end
    end)
    assert.is_true(ticks <= -999)
  end)
end)

-- An error in a callback of luv ends the process. So each spec has a process
-- of its own, which also shows that uv.run returns.
describe("under luv", function()
  local with_luv = [[
    local uv = require "luv"
    local client = balance.new { loop = "luv" }
    local loop = require "balance.loop.luv"
    local running = 0
    local function spawn(body, ...)
      running = running + 1
      coroutine.wrap(function(...)
        body(...)
        running = running - 1
      end)(...)
    end
    local function run()
      uv.run()
      assert(running == 0, running .. " coroutines never ended")
      uv.walk(function(handle) error("left: " .. tostring(handle)) end)
    end
  ]]

  it("two calls are in flight while a timer ticks", function()
    passes(with_luv .. [[
      local met, ticks, timer = {}, 0, uv.new_timer()
      for i = 1, 2 do
        spawn(function() met[i] = client:meeting({ size = 3 }).credits end)
      end
      timer:start(2, 2, function()
        ticks = ticks + 1
        if ticks == 20 then
          spawn(function() met[3] = client:meeting({ size = 3 }).credits end)
        end
        if #met == 3 then
          timer:close()
        end
      end)
      run()
      assert(met[1] == 3 and met[2] == 3 and met[3] == 3)
      assert(ticks >= 20)
    ]])
  end)

  it("a call over TLS works, a failure is returned, and uv.run returns",
    function()
      passes(with_luv .. [[
        local late = 0
        spawn(function()
          assert(client:udio().credits == 195)
          assert(client:tempolor().balance == 776.56)
        end)
        spawn(function()
          local _, err = client:udio { endpoint = "http://127.0.0.1:1" }
          assert(err.kind == "connect")
        end)
        spawn(function()
          assert(select(2, client:meeting { size = 2, room = "luv-alone",
            timeout = 0.2, retries = 0 }).kind == "timeout")
          late = late + 1
        end)
        run()
        assert(late == 1)
        spawn(function() assert(client:udio().credits == 195) end)
        run()
      ]])
    end)

  it("all, gather and sleep wait in coroutines #fast", function()
    passes(with_luv .. [[
      local met = {}
      spawn(function()
        local results, failures = client:all {
          a = { provider = "meeting", size = 3 },
          b = { provider = "meeting", size = 3 },
          late = { provider = "meeting", size = 2, room = "late",
            timeout = 0.2, retries = 0 },
          udio = {},
        }
        assert(results.a.credits == 3 and results.b.credits == 3)
        assert(results.udio.credits == 195)
        assert(failures.late.kind == "timeout")
        local before = core.now()
        loop.gather {
          function() met[1] = client:meeting({ size = 2 }).credits end,
          function()
            loop.sleep(0.02)
            met[2] = client:meeting({ size = 2 }).credits
          end,
          function() met[3] = "at once" end,
        }
        assert(core.now() - before >= 0.02)
        loop.gather {}
        loop.gather { function() end }
      end)
      spawn(function()
        loop.sleep(0.02)
        assert(client:meeting { size = 3 })
      end)
      run()
      assert(met[1] == 2 and met[2] == 2 and met[3] == "at once")
    ]])
  end)

  it("an error after a gather is not taken for one of the gather's", function()
    local output = process.run_lua(preamble .. with_luv .. [[
      spawn(function()
        loop.gather { function() loop.sleep(0.001) end }
        error("what is raised " .. "afterwards")
      end)
      uv.run()
    ]], "timeout --foreground 20", meeting.endpoint())
    assert.matches("what is raised afterwards", output, 1, true)
  end)

  it("an error in a gather is raised there; the others are given up",
    function()
      -- Lua 5.1 cannot yield across a pcall: there luv gets the error.
      local can_catch = coroutine.wrap(function()
        return pcall(coroutine.yield) end)() == nil
      local code = with_luv .. [[
        local went_on
        spawn(function()
          local ok, message = ]] .. (can_catch and "pcall(" or "(")
          .. [[loop.gather]] .. (can_catch and ", " or ")(") .. [[{
            function()
              client:meeting { size = 2, room = "given-up", timeout = 0.3,
                retries = 0 }
              went_on = true
            end,
            function()
              loop.sleep(0.01)
              loop.gather { function() client:crash() end }
            end,
          })
          assert(not ok and message == "the read crashed")
          assert(client:all({ udio = {} }).udio.credits == 195)
        end)
        run()
        assert(not went_on)
      ]]
      if can_catch then
        passes(code)
      else
        local output, status = process.run_lua(preamble .. code, "",
          meeting.endpoint())
        assert.matches("Uncaught Error: the read crashed", output)
        assert.equal(255, status)
      end
    end)

  it("a call whose coroutine was closed disturbs nobody", function()
    passes(with_luv .. [[
      local closed = coroutine.create(function()
        client:meeting { size = 2, room = "closed", timeout = 0.3,
          retries = 0 }
      end)
      assert(coroutine.resume(closed))
      spawn(function()
        assert(client:udio().credits == 195)
        if coroutine.close then
          assert(coroutine.close(closed))
        end
        assert(client:udio().credits == 195)
      end)
      run()
      assert(coroutine.status(closed) == "dead")
    ]])
  end)

  it("a transport that is closed meanwhile fails its calls, and the next one"
    .. " works", function()
    passes(with_luv .. [[
      local kinds = {}
      for i = 1, 2 do
        spawn(function()
          kinds[i] = select(2, client:meeting { size = 9 }).kind
        end)
      end
      spawn(function()
        loop.sleep(0.02)
        transport:close()
        assert(client:udio().credits == 195)
      end)
      run()
      assert(kinds[1] == "closed" and kinds[2] == "closed")
      for _ = 1, 3 do
        spawn(function()
          assert(client:udio().credits == 195)
          transport:close()
          assert(client:udio().credits == 195)
        end)
        run()
      end
    ]])
  end)

  it("a call outside a coroutine raises at the caller's line", function()
    for _, call in ipairs { "udio()", "all { udio = {} }" } do
      -- the specs themselves run in a coroutine
      local output, status = process.run_lua([[
        local client = require("balance").new { loop = "luv" }
        local ok, message = pcall(function()
          return (client:]] .. call .. [[)
        end)
        io.write(tostring(ok), " ", message)
      ]])
      assert.equal(0, status, output)
      assert.matches("^false .*with luv, call from a coroutine$", output)
      -- Lua 5.1 forgets who made a tail call.
      if _VERSION ~= "Lua 5.1" or call ~= "udio()" then
        assert.matches(":3: with luv", output, 1, true)
      end
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
