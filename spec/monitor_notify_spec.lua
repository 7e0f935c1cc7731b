-- SPDX-License-Identifier: MIT
local core = require "balance.core"
local memory = require "balance.store.memory"
local monitor = require "balance.monitor"
local process = require "support.process"
local watching = require "support.watching"

local round, world_of = watching.round, watching.world

-- A monitor whose notify keeps the events, and fails while `broken` is there.
local function start(world, alarms, changes)
  local got = { events = {} }
  changes = changes or {}
  changes.alarms = alarms
  changes.notify = changes.notify or function(event)
    got.events[#got.events + 1] = event
    if got.broken == "raise" then
      error "no network"
    end
    return not got.broken or nil, got.broken
  end
  got.monitor, got.settings = watching.monitor(world, changes)
  return got
end

describe("a monitor's notify", function()
  it("gets an event once, with all that is known", function()
    local world = world_of { udio = 100 }
    local got = start(world, { udio = { min = 50 } })
    for _ = 1, 40 do
      world.left.udio = world.left.udio - 1
      round(world, got.monitor, 900)
    end
    assert.same({}, got.events)
    world.left.udio = 45
    round(world, got.monitor, 900)
    round(world, got.monitor, 900)
    assert.equal(1, #got.events)
    local event = got.events[1]
    assert.is_true(math.abs(event.rate - (39 + 15) / 40 * 96) < 1e-9)
    assert.equal(45 / event.rate * 86400, event.time_to_empty)
    event.rate, event.time_to_empty = nil, nil
    local at = world.now - 900
    assert.same({
      version = 1, event = "low", alarm = "min", account = "udio",
      provider = "udio", unit = "credit", available = 45,
      available_from = "credits", fetched_at = at, threshold = 50,
      outlook = "known", at = at, since = at,
    }, event)
    world.left.udio = 500
    round(world, got.monitor)
    assert.equal("ok", got.events[2].event)
    assert.equal("min", got.events[2].alarm)
    assert.equal(455, got.events[2].top_up)
    assert.equal(at, got.events[2].since)
  end)

  it("gets why a key was refused", function()
    local world = world_of { udio = 100 }
    local got = start(world)
    world.kind.udio = "auth"
    round(world, got.monitor)
    assert.equal("auth", got.events[1].event)
    assert.equal("auth", got.events[1].kind)
    assert.equal("it did not work", got.events[1].message)
    assert.is_nil(got.events[1].available)
  end)

  it("is tried again each round until it took an event", function()
    local world = world_of { udio = 10 }
    local got = start(world, { udio = { min = 50 } })
    for i, problem in ipairs { "raise", "the webhook\nsaid no", false } do
      got.broken = problem or "no"
      local account = round(world, got.monitor)
      assert.equal(i, #got.events)
      local waiting = account.undelivered[1]
      assert.equal("low", waiting.event)
      assert.equal("min", waiting.alarm)
      assert.is_string(waiting.message)
      assert.is_nil(waiting.message:find "\n")
    end
    got.broken = nil
    assert.same({}, round(world, got.monitor).undelivered)
    assert.equal(4, #got.events)
    round(world, got.monitor)
    assert.equal(4, #got.events)
  end)

  it("is tried again by the next monitor of the store", function()
    local world = world_of { udio = 10 }
    local got = start(world, { udio = { min = 50 } })
    got.broken = "no"
    round(world, got.monitor)
    got.broken = nil
    local other = monitor.new(got.settings)
    assert.equal(1, #other:snapshot().accounts[1].undelivered)
    round(world, other)
    assert.equal(2, #got.events)
    assert.same({}, other:snapshot().accounts[1].undelivered)
  end)

  it("gets what a monitor without one has seen", function()
    local world = world_of { udio = 10 }
    local got = start(world, { udio = { min = 50 } })
    local notify = got.settings.notify
    got.settings.notify = nil
    local silent = monitor.new(got.settings)
    assert.same({}, round(world, silent).undelivered)
    got.settings.notify = notify
    round(world, monitor.new(got.settings))
    assert.equal(1, #got.events)
    world.left.udio = 100
    round(world, silent)
    world.now = world.now + 86400 -- which is old news by then
    round(world, monitor.new(got.settings))
    assert.equal(1, #got.events)
  end)

  it("gets the last event of an alarm, not those before it", function()
    local world = world_of { udio = 10 }
    local got = start(world, { udio = { min = 50 } })
    got.broken = "no"
    round(world, got.monitor)
    world.left.udio, got.events = 100, {}
    round(world, got.monitor)
    got.broken = nil
    round(world, got.monitor)
    for _, event in ipairs(got.events) do
      assert.equal("ok", event.event)
    end
    assert.equal(2, #got.events)
  end)

  it("does not answer for an event that came meanwhile", function()
    for _, outcome in ipairs { "taken", "failed" } do
      local world = world_of { udio = 10 }
      local got = start(world, { udio = { min = 50 } })
      got.settings.notify = function()
        local silent = core.copy(got.settings)
        silent.notify, world.left.udio = nil, 100
        round(world, monitor.new(silent))
        return outcome == "taken", "no"
      end
      round(world, monitor.new(got.settings))
      local told = {}
      got.settings.notify = function(event)
        told[#told + 1] = event.event
      end
      local last = monitor.new(got.settings)
      assert.same({}, last:snapshot().accounts[1].undelivered)
      round(world, last)
      assert.same({ "ok" }, told)
    end
  end)

  it("may return nothing, which is well", function()
    local world = world_of { udio = 10 }
    local got = start(world, { udio = { min = 50 } },
      { notify = function() end })
    assert.same({}, round(world, got.monitor).undelivered)
  end)

  it("says with false that it failed", function()
    local world = world_of { udio = 10 }
    local got = start(world, { udio = { min = 50 } },
      { notify = function() return false end })
    assert.equal("notify returned false",
      round(world, got.monitor).undelivered[1].message)
  end)

  it("is not tried where another one has just begun to", function()
    local world = world_of { udio = 10 }
    local got = start(world, { udio = { min = 50 } })
    local other
    got.settings.notify = function(event)
      got.events[#got.events + 1] = event
      if not other then
        other = monitor.new(got.settings)
        round(world, other, 29)
        assert.equal(1, #got.events)
        round(world, other, 1)
        assert.equal(2, #got.events)
      end
    end
    round(world, monitor.new(got.settings))
    assert.equal(2, #got.events)
  end)
end)

describe("monitor:run() in a script", function()
  it("looks until `after` returns false, and asks when it is its turn",
    function()
      local world = world_of { udio = 10 }
      local store = memory.new { now = world.clock }
      local one = watching.monitor(world, { store = store, every = 60 })
      local other = watching.monitor(world, { store = store, every = 60 })
      local looks, slept = 0, {}
      for _, each in ipairs { one, other } do
        each.sleep = function(seconds)
          slept[#slept + 1] = seconds
          world.now = world.now + seconds
        end
      end
      assert.is_true(one:run(function(watched)
        assert.equal(one, watched)
        other:look()
        looks = looks + 1
        return looks < 17
      end))
      assert.equal(5, world.asked) -- in 240 seconds
      assert.equal(16, #slept)
      assert.equal(15, slept[1])
    end)

  it("asks once in an interval while the store fails", function()
    local world = world_of { udio = 10 }
    local store = watching.failing(memory.new())
    store.problem = "no"
    local watched = watching.monitor(world, { store = store })
    for _ = 1, 5 do
      watched:look()
    end
    assert.equal(1, world.asked)
  end)

  it("ends with the program, and leaves what it wrote", function()
    local output, status = process.run_lua([[
      local monitor = require "balance.monitor"
      local watching = require "support.watching"
      local world = watching.world { udio = 10 }
      local watched = watching.monitor(world, {
        alarms = { udio = { min = 50 } },
        notify = function()
          error "interrupted!" -- as Ctrl-C does
        end,
      })
      print(pcall(watched.run, watched))
      print(watched:snapshot().accounts[1].available)
    ]])
    assert.equal(0, status)
    assert.matches("^false\t.*interrupted!\n10\n$", output)
  end)
end)
