-- SPDX-License-Identifier: MIT
local memory = require "balance.store.memory"
local monitor = require "balance.monitor"
local process = require "support.process"
local watching = require "support.watching"

local round, world_of = watching.round, watching.world

describe("a monitor's store", function()
  it("has all that the next monitor needs", function()
    local world = world_of { udio = 776.56 }
    local watched, settings = watching.monitor(world,
      { alarms = { udio = { min = 800 } } })
    round(world, watched)
    world.kind.udio = "timeout"
    round(world, watched)
    local before = watched:snapshot()
    assert.same(before, monitor.new(settings):snapshot())
    assert.equal("low", before.accounts[1].state)
  end)

  it("may fail: what this process knows goes on, and is written later",
    function()
      local world = world_of { udio = 1000 }
      local behind = memory.new { now = world.clock }
      local store = watching.failing(behind)
      local watched, settings = watching.monitor(world, { store = store })
      round(world, watched, 900)
      for _, problem in ipairs { "raise", "connection refused" } do
        store.problem = problem
        for _ = 1, 3 do
          world.left.udio = world.left.udio - 1
          round(world, watched, 900)
        end
        assert.matches("^the store: .*" .. (problem == "raise" and "no store"
          or problem), watched:snapshot().problem)
      end
      assert.equal(7, #watched:snapshot().accounts[1].history)
      store.problem = nil
      world.left.udio = world.left.udio - 1
      round(world, watched, 900)
      local shown = monitor.new(settings):snapshot()
      assert.is_nil(shown.problem)
      assert.equal(8, #shown.accounts[1].history)
      assert.equal(993, shown.accounts[1].available)
    end)

  it("may be full, which is said until the next round", function()
    local world = world_of { udio = 1000 }
    local store = memory.new { now = world.clock }
    local watched = watching.monitor(world, { store = store })
    local set = store.set
    function store.set()
      return nil, "the disk is full"
    end
    round(world, watched)
    assert.equal("the store: the disk is full", watched:snapshot().problem)
    assert.equal(1000, watched:snapshot().accounts[1].available)
    store.set = set
    round(world, watched)
    assert.is_nil(watched:snapshot().problem)
  end)

  it("may lose all: nothing of the history goes", function()
    local world = world_of { udio = 1000 }
    local empty = memory.new { now = world.clock }
    local store = watching.failing(memory.new { now = world.clock })
    local one = watching.monitor(world, { store = store })
    local other = watching.monitor(world, { store = store })
    for _ = 1, 4 do
      world.now, world.left.udio = world.now + 900, world.left.udio - 1
      one:look()
      other:look() -- not its turn
    end
    assert.equal(4, world.asked)
    for method in pairs(store) do
      store[method] = function(_, ...)
        return empty[method](empty, ...)
      end
    end
    world.now, world.left.udio = world.now + 900, world.left.udio - 1
    other:look()
    one:look()
    assert.equal(5, world.asked)
    assert.equal(5, #one:snapshot().accounts[1].history)
    assert.equal(5, #other:snapshot().accounts[1].history)
  end)

  it("gets the samples of both where two went on without it", function()
    local world = world_of { udio = 1000 }
    local behind = memory.new { now = world.clock }
    local store = watching.failing(behind)
    local one = watching.monitor(world, { store = store })
    local other = watching.monitor(world, { store = store })
    one:refresh()
    other:look()
    store.problem = "gone"
    for _ = 1, 3 do
      for _, each in ipairs { one, other } do
        world.left.udio = world.left.udio - 1
        round(world, each, 900)
      end
    end
    store.problem = nil
    one:look()
    other:look()
    one:look()
    for _, each in ipairs { one, other } do
      local left = {}
      for i, sample in ipairs(each:snapshot().accounts[1].history) do
        left[i] = sample.left
      end
      assert.same({ 1000, 999, 998, 997, 996, 995, 994 }, left)
    end
  end)

  it("has no lock any more after a round", function()
    local world = world_of { udio = 1000 }
    local watched, settings = watching.monitor(world)
    round(world, watched)
    assert.is_nil(settings.store:get "balance:monitor:lock:udio")
  end)

  -- Its calls would wait for the lock, one after another.
  it("is not asked again where its transaction cannot begin", function()
    local world = world_of { udio = 1000, tempolor = 5 }
    local behind = memory.new { now = world.clock }
    local asked, store = 0, {}
    for _, method in ipairs { "get", "set", "add", "delete" } do
      store[method] = function(_, ...)
        asked = asked + 1
        return behind[method](behind, ...)
      end
    end
    function store.atomically()
      return nil, "database is locked", false
    end
    local watched = watching.monitor(world, { store = store })
    watched:refresh()
    assert.equal(0, asked)
    local snapshot = watched:snapshot()
    assert.equal("the store: database is locked", snapshot.problem)
    assert.equal(1000, snapshot.accounts[2].available)
    -- what was taken meanwhile is written once that works
    function store.atomically(_, body)
      body()
      return true
    end
    round(world, watched)
    assert.is_nil(watched:snapshot().problem)
    assert.is_not_nil(behind:get "balance:monitor:state:udio")
  end)

  it("counts each round of many processes at once #fast", function()
    local dir = process.run("mktemp -d"):gsub("%s+$", "")
    finally(function() process.run("rm -r " .. dir) end)
    process.write(dir .. "/rounds.lua", [[
      local watching = require "support.watching"
      local world = watching.world { udio = 5 }
      world.kind.udio = "timeout"
      local watched = watching.monitor(world, {
        store = require("balance").store.sqlite(arg[1]),
      })
      for _ = 1, 5 do watching.round(world, watched) end
    ]])
    local output, status = process.run(("seq 8 | xargs -P 8 -I @ %s"
      .. " %s/rounds.lua %s/state.db"):format(process.plain_lua, dir, dir))
    assert.equal("", output)
    assert.equal(0, status)
    local world = world_of { udio = 5 }
    local account = watching.monitor(world, {
      store = require("balance").store.sqlite(dir .. "/state.db"),
    }):snapshot().accounts[1]
    assert.same({ timeout = 40 }, account.failures)
  end)

  it("gets back what it has lost with the next look", function()
    local world = world_of { udio = 1000 }
    local store = memory.new { now = world.clock }
    local watched, settings = watching.monitor(world, { store = store })
    watched:look()
    store:delete "balance:monitor:state:udio"
    watched:look()
    assert.equal(1, world.asked)
    assert.equal(1000, monitor.new(settings):snapshot().accounts[1].available)
  end)

  it("keeps what is not a state, and that is said", function()
    for _, text in ipairs { "x", "{}", '{"format":"balance monitor 2"}' } do
      local world = world_of { ["a 'b'"] = 1000 }
      local store = memory.new { now = world.clock }
      local watched = watching.monitor(world, { store = store })
      store:set("balance:monitor:state:a 'b'", text)
      round(world, watched)
      local shown = watched:snapshot()
      assert.equal("what the store has of account 'a 'b'' is no state, or a"
        .. " newer version's; it stays as it is", shown.problem)
      assert.equal(1000, shown.accounts[1].available)
      assert.equal(text, store:get "balance:monitor:state:a 'b'")
    end
  end)

  it("loses nothing where two write at once", function()
    local world = world_of { udio = 1000 }
    local store = memory.new { now = world.clock }
    local one = watching.monitor(world, { store = store })
    local other = watching.monitor(world, { store = store })
    round(world, one)
    local get = store.get
    function store.get(...)
      store.get = get
      round(world, other, 900) -- in the middle of another one's round
      return get(...)
    end
    world.now = world.now + 1800
    one:refresh()
    local history = one:snapshot().accounts[1].history
    assert.equal(3, #history)
    assert.same(history, other:snapshot().accounts[1].history)
  end)
end)
