-- SPDX-License-Identifier: MIT
--
-- Ninety days of made-up use, an hour a round, of which the spec knows all.
local memory = require "balance.store.memory"
local watching = require "support.watching"

local hour, day = 3600, 86400
local days = 90

-- The same numbers on each Lua: 0 up to below `limit`.
local function new_random(seed)
  return function(limit)
    seed = (seed * 16807) % 2147483647
    return seed % limit
  end
end

-- The world, and by account what was used when, and the events of its alarms
-- as "event alarm", with how often.
local function new_simulation()
  local world = watching.world {
    steady = 9500, bursts = 90000, idle = 500, topped = 1500, changed = 50000,
    away = 30000, revoked = 30000,
  }
  local behind = memory.new { now = world.clock, max = 1e6 }
  -- its own again: to look for keys in each of 15,000 states takes too long
  behind.set, behind.add = nil, nil
  local simulation = {
    world = world, used = {}, told = {}, top_ups = 0, began = world.now,
    store = watching.failing(behind), outages = 0, is_off = false,
  }
  for name in pairs(world.left) do
    simulation.used[name], simulation.told[name] = {}, {}
  end
  return simulation
end

local function start(simulation)
  simulation.monitor = watching.monitor(simulation.world, {
    store = simulation.store, every = hour,
    alarms = {
      steady = { min = 2000, min_days = 14 }, bursts = { min = 10 },
      idle = { min = 400, min_days = 30 }, topped = { min = 100 },
      changed = { min = 100 }, away = { min = 100, min_days = 2 },
      revoked = { min = 100 },
    },
    notify = function(event)
      local told = simulation.told[event.account]
      local words = event.event .. " " .. event.alarm
      told[words] = (told[words] or 0) + 1
    end,
  })
end

-- An hour's use of an account.
local function use(simulation, name, amount)
  local world, used = simulation.world, simulation.used[name]
  world.left[name] = world.left[name] - amount
  used[#used + 1] = { at = simulation.true_now, amount = amount }
end

-- What happens in an hour.
local function live(simulation, random, number)
  local world = simulation.world
  use(simulation, "steady", 4)
  use(simulation, "bursts", random(5) == 0 and 30 + random(40) or 0)
  use(simulation, "topped", 10)
  use(simulation, "changed", number < 45 * 24 and 3 or 300)
  use(simulation, "away", 5)
  use(simulation, "revoked", 5)
  if number == 45 * 24 then
    world.left.changed = 5000000
    world.more.changed = { unit = "character" }
    simulation.used.changed = {}
  end
  if world.left.topped < 60 then
    world.left.topped = world.left.topped + 1500
    simulation.top_ups = simulation.top_ups + (simulation.is_off and 0 or 1)
  end
  local hour_of_ten = number % (10 * 24)
  local is_away = hour_of_ten == 30 or hour_of_ten >= 60 and hour_of_ten < 65
  world.kind.away = is_away and "timeout" or nil
  simulation.outages = simulation.outages + (hour_of_ten == 60 and 1 or 0)
  world.kind.revoked = number >= 60 * 24 and number < 61 * 24 and "auth" or nil
end

-- The clock of the machine, which is not always right.
local function clock_at(number, true_now)
  local off = 0
  if number >= 20 * 24 and number < 20 * 24 + 3 then
    off = 2 * hour
  elseif number >= 40 * 24 and number < 40 * 24 + 5 then
    off = -day
  end
  return true_now + off
end

-- A day's use in a window, as it really was.
local function true_rate(used, now, window)
  local sum = 0
  for i = #used, 1, -1 do
    if used[i].at <= now - window then
      break
    end
    sum = sum + used[i].amount
  end
  return sum / window * day
end

local function account_of(simulation, name)
  for _, account in ipairs(simulation.monitor:snapshot().accounts) do
    if account.name == name then
      return account
    end
  end
end

-- Lives through all of it; calls `each` at the end of each day.
local function run(each)
  local simulation, random = new_simulation(), new_random(77)
  start(simulation)
  for number = 1, days * 24 do
    simulation.true_now = simulation.began + number * hour
    simulation.world.now = clock_at(number, simulation.true_now)
    -- the monitor's machine is off for three days
    simulation.is_off = number >= 30 * 24 and number < 33 * 24
    live(simulation, random, number)
    if not simulation.is_off then
      simulation.store.problem = random(50) == 0 and "raise" or nil
      simulation.monitor:refresh()
      if not simulation.store.problem and random(40) == 0 then
        simulation.store.problem = nil
        start(simulation) -- the program is started anew
      end
      if number % 24 == 0 then
        each(simulation, number / 24)
      end
    end
  end
  return simulation
end

describe("90 days of a monitor #fast", function()
  local simulation
  local worst, outlooks, empty_in = {}, {}, {}

  -- The days on which what is known of an account's use is not whole: the
  -- machine was off, or the clock was wrong.
  local function is_disturbed(number)
    return number < 3 or number >= 20 and number <= 22
      or number >= 30 and number <= 42
  end

  setup(function()
    simulation = run(function(it, number)
      for name, used in pairs(it.used) do
        local account = account_of(it, name)
        outlooks[name] = outlooks[name] or {}
        outlooks[name][account.outlook] = true
        local off = is_disturbed(number)
          or name == "changed" and number < 53 and number >= 45
        if account.rate and #used > 0 and not off then
          local expected = math.max(true_rate(used, it.true_now, day),
            true_rate(used, it.true_now, 7 * day))
          local error_of = math.abs(account.rate - expected) / expected
          worst[name] = math.max(worst[name] or 0, error_of)
          if account.time_to_empty then
            empty_in[name] = math.abs(account.time_to_empty
              - account.available / account.rate * day)
          end
        end
      end
    end)
  end)

  it("have the rate of each use, within a tenth", function()
    for name, tolerance in pairs { steady = 1e-9, topped = 0.01,
      changed = 0.05, revoked = 0.05, away = 0.05, bursts = 0.15 } do
      assert.is_number(worst[name], name)
      assert.is_true(worst[name] <= tolerance, name .. " is off by "
        .. worst[name])
    end
  end)

  it("have the time to empty that goes with the rate", function()
    for _, name in ipairs { "steady", "topped", "away" } do
      assert.is_true(empty_in[name] < 1e-6, name)
    end
  end)

  it("know an idle account, and one that lasts", function()
    assert.same({ ["not enough data"] = nil, idle = true }, outlooks.idle)
    assert.is_true(outlooks.changed["more than a year"])
    assert.is_nil(outlooks.steady.idle)
  end)

  it("tell of each change once, and of nothing else", function()
    local top_ups = simulation.top_ups
    assert.is_true(top_ups > 10)
    assert.is_true(simulation.outages == 9)
    assert.same({
      steady = { ["low min"] = 1, ["low min_days"] = 1 },
      bursts = {}, idle = {}, changed = {},
      topped = { ["low min"] = top_ups, ["ok min"] = top_ups },
      away = { ["unknown unknown"] = 8, ["ok unknown"] = 8 }, -- one while off
      revoked = { ["auth auth"] = 1, ["ok auth"] = 1 },
    }, simulation.told)
  end)

  it("keep a bounded history", function()
    simulation.store.problem = nil
    for _, account in ipairs(simulation.monitor:snapshot().accounts) do
      assert.is_true(#account.history <= 7 * 24 + 90, #account.history)
      assert.is_true(#account.history >= 7 * 24, #account.history)
    end
    local key = "balance:monitor:state:bursts"
    assert.is_true(#simulation.store:get(key) < 16384)
  end)
end)
