-- SPDX-License-Identifier: MIT
--
-- How a call waits under luv. An error in a callback of luv ends the process,
-- so each spec has a process of its own, which also shows that uv.run returns.
local looping = require "support.looping"
local meeting = require "support.meeting"
local process = require "support.process"

local passes, preamble = looping.passes, looping.preamble

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
              loop.gather { function() error("one raised", 0) end }
            end,
          })
          assert(not ok and message == "one raised")
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
        assert.matches("Uncaught Error: one raised", output)
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
