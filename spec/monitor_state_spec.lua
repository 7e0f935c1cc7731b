-- SPDX-License-Identifier: MIT
local memory = require "balance.store.memory"
local monitor = require "balance.monitor"
local states = require "balance.monitor.state"
local watching = require "support.watching"

local round, world_of = watching.round, watching.world

describe("a state as text", function()
  local function a_state()
    local world = world_of { udio = 776.56 }
    local _, settings = watching.monitor(world, {
      alarms = { udio = { min = 1000 } },
      notify = function() return nil, "no" end,
    })
    local watched = monitor.new(settings)
    round(world, watched)
    world.kind.udio = "auth"
    round(world, watched)
    return settings.store:get "balance:monitor:state:udio"
  end

  it("is read as it was written", function()
    local text = a_state()
    local state = states.decode(text)
    assert.equal(776.56, state.answer.available)
    assert.equal("no", state.undelivered.min.message)
    assert.equal("auth", state.failure.kind)
    assert.same(state, states.decode(states.encode(state)))
    assert.is_truthy(text:find('"available":"#776.56"', 1, true))
  end)

  it("is not read from anything that is not right", function()
    local text = a_state()
    for from, to in pairs {
      ['"revision":"#2"'] = '"revision":"$2"',
      ['"is_up":false'] = '"is_up":"#1"',
      ['"kind":"$auth"'] = '"kind":true',
      ['"available":"#776.56"'] = '"available":"#776,56"',
      ['"state":"$low"'] = '"state":{}',
      ['"failures":{'] = '"failures":{"x":true,',
      ["balance monitor 1"] = "balance monitor 0",
      [" 776.56 b"] = " 776.56 c",
      ['"unit":"$credit"'] = '"unit":"credit"',
      ['"since":"#'] = '"since":"#x',
    } do
      local first, last = text:find(from, 1, true)
      assert.is_number(first, from)
      assert.is_nil(states.decode(text:sub(1, first - 1) .. to
        .. text:sub(last + 1)), from)
    end
    for cut = 0, #text - 1, 7 do
      assert.is_nil(states.decode(text:sub(1, cut)))
    end
    assert.is_nil(states.decode(nil))
    assert.is_nil(states.decode(("x"):rep(200000)))
  end)

  it("may be anything: it is read or refused, and shown #fast", function()
    local report = require "balance.report"
    local valid = a_state()
    local pieces = { '"#', '"$', "{}", "[]", "null", "true", "-1", "e9", '"',
      "_at", "nan", "\255", "\\u0000", "#-1", "$low", "9999999999999999" }
    local seed, read = 7, 0
    local function random(limit)
      seed = seed * 16807 % 2147483647
      return seed % limit + 1
    end
    for _ = 1, 3000 do
      local text = valid
      for _ = 1, random(3) do
        local at = random(#text)
        text = text:sub(1, at - 1) .. pieces[random(#pieces)]
          .. text:sub(at + random(4) - 1)
      end
      local world = world_of { udio = 5 }
      local store = memory.new { now = world.clock }
      store.set, store.add = nil, nil
      store:set("balance:monitor:state:udio", text)
      local watched = watching.monitor(world, { store = store,
        alarms = { udio = { min = 50, remind = 60 } },
        notify = function() end })
      for _ = 1, 2 do
        local shown = watched:snapshot()
        read = read + (shown.problem and 0 or 1)
        for _, name in ipairs { "prometheus", "nagios", "json", "text",
          "page" } do
          report[name](shown)
        end
        round(world, watched)
      end
    end
    assert.is_true(read > 300, read)
  end)
end)
