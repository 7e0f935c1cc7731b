-- SPDX-License-Identifier: MIT
--
-- How a call waits in a plain script.
local balance = require "balance"
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local looping = require "support.looping"
local meeting = require "support.meeting"

local nothing_is_under_way = looping.nothing_is_under_way

meeting.register()

describe("a plain script", function()
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
    looping.passes [[
      os.execute "(sleep 0.5; kill -INT $PPID) >/dev/null 2>&1 &"
      local ok, message = pcall(balance.all, {
        a = { provider = "meeting", size = 3, room = "interrupted" },
        b = { provider = "meeting", size = 3, room = "interrupted" },
      })
      assert(not ok and message:find "interrupted!", message)
      collectgarbage()
      collectgarbage()
      assert(not transport:timeout())
      assert(balance.all({ udio = {} }).udio.available == 195)
    ]]
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
