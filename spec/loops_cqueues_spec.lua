-- SPDX-License-Identifier: MIT
--
-- How a call waits under cqueues.
local balance = require "balance"
local core = require "balance.core"
local cqueues = require "cqueues"
local looping = require "support.looping"
local loops = require "balance.loop"
local meeting = require "support.meeting"

local alone = looping.alone
local nothing_is_under_way = looping.nothing_is_under_way

meeting.register()

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
    assert.is_true(ticks > 3, ticks .. " ticks")
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
