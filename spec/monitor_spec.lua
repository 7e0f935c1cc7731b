-- SPDX-License-Identifier: MIT
local balance = require "balance"
local memory = require "balance.store.memory"
local monitor = require "balance.monitor"
local process = require "support.process"
local watching = require "support.watching"

local round, world_of = watching.round, watching.world

local no_name = "the name of an account must be a text of at most 300 bytes in"
  .. " UTF-8, without control characters"

describe("balance.monitor", function()
  it("raises a mistake in its settings at the caller's line", function()
    for message, given in pairs {
      ["unknown option 'evry'; did you mean 'every'?"] = { evry = 60 },
      ["option 'every' must be from 60 to 86400 seconds"] = { every = 59 },
      ["option 'notify' must be a function, not a string"] =
        { notify = "https://example.com" },
      ["option 'client' must be a client, with the methods all"] =
        { client = {} },
      ["option 'store' must be a store, with the methods get, set, add,"
        .. " delete"] = { store = {} },
      ["udo: unknown provider 'udo'; did you mean 'udio'?"] =
        { accounts = { udo = {} } },
      ["alarms: unknown account 'udo'; did you mean 'udio'?"] =
        { alarms = { udo = { min = 1 } } },
      ["alarms: unknown account 'udio'"] =
        { accounts = { tencent = {} }, alarms = { udio = { min = 1 } } },
      ["alarms of 'udio': unknown alarm 'minn'; did you mean 'min'?"] =
        { alarms = { udio = { minn = 1 } } },
      ["alarms of 'udio': alarm 'min_days' must be more than 0 days"] =
        { alarms = { udio = { min_days = 0 } } },
      ["alarms of 'udio': alarm 'min' must be a number"] =
        { alarms = { udio = { min = 0 / 0 } } },
      ["alarms of 'udio' must be a table, not a number"] =
        { alarms = { udio = 50 } },
      [no_name] = { accounts = { { provider = "udio" } } },
      ["options must be a table, not a number"] = 5,
    } do
      local ok, problem = pcall(function()
        monitor.new(given)
      end)
      assert.is_false(ok)
      assert.matches("spec/monitor_spec.lua:%d+: ", problem)
      assert.equal("balance.monitor: " .. message,
        (problem:gsub("^.-:%d+: ", "")))
    end
  end)

  it("refuses a name that a report could not show", function()
    for _, name in ipairs { "", " x", "a\nb", "\255", ("x"):rep(301) } do
      local ok, problem = pcall(monitor.new,
        { accounts = { [name] = { provider = "udio" } } })
      assert.is_false(ok)
      assert.is_truthy(problem:find(no_name, 1, true), problem)
    end
    monitor.new { accounts = { ["<b>'\"&|= \226\130\172"] =
      { provider = "udio" } } }
  end)

  it("is not loaded by the module, and neither are its reports", function()
    local output = process.run_lua([[
      require "balance"
      for name in pairs(package.loaded) do
        if name:find "monitor" or name:find "report" or name:find "notify"
          or name:find "sqlite" or name:find "luasql" then
          print(name)
        end
      end
    ]])
    assert.equal("", output)
  end)

  it("asks the real services, where it is not told otherwise", function()
    local watched = monitor.new { accounts = { udio = {}, tencent = {} } }
    watched:refresh()
    local shown = watched:snapshot()
    assert.equal(1, shown.version)
    assert.equal(300, shown.every)
    assert.is_nil(shown.problem)
    assert.is_true(math.abs(shown.at - os.time()) < 60)
    local tencent, udio = shown.accounts[1], shown.accounts[2]
    assert.equal("tencent", tencent.name)
    assert.equal("USD", tencent.currency)
    assert.equal(195, udio.available)
    assert.same({ credits = 195, used_credits = 5 }, udio.fields)
    assert.is_true(udio.is_up)
    assert.is_false(udio.is_stale)
    assert.is_true(udio.duration > 0)
    assert.equal(195, udio.history[1].left)
    assert.equal("ok", udio.state)
    assert.equal("balance monitor", tostring(watched))
  end)

  it("asks all accounts that have keys, where none is named", function()
    local store = memory.new()
    local watched = monitor.new { store = store }
    assert.same({}, watched:snapshot().accounts)
    watched:refresh()
    local names = {}
    local shown = monitor.new { store = store }:snapshot()
    for i, account in ipairs(shown.accounts) do
      names[i] = account.name
    end
    local results, failures = balance.all()
    for _, name in ipairs(names) do
      assert.is_true(results[name] ~= nil or failures[name] ~= nil, name)
      results[name], failures[name] = nil, nil
    end
    assert.is_nil(next(results))
    assert.is_nil(next(failures))
  end)

  it("knows the currency of an account's site", function()
    for _, given in ipairs {
      { accounts = { t = { provider = "tencent", site = "cn" } } },
      { client = balance.new { tencent = { site = "cn" } },
        accounts = { t = { provider = "tencent" } } },
    } do
      local watched = monitor.new(given)
      assert.equal("CNY", watched.settings.of("t").currency)
    end
  end)

  it("says that an account with alarms has no keys", function()
    local world = world_of {}
    local watched = monitor.new { client = world.client, now = world.clock,
      alarms = { udio = { min = 5 } } }
    local account = round(world, watched)
    assert.equal("udio", account.name)
    assert.equal("config", account.failure.kind)
    assert.equal("unknown", account.state)
    assert.is_nil(account.available)
    for _ = 1, 7 do
      account = round(world, watched)
    end
    assert.equal("low", account.alarms.unknown.state)
    assert.equal("ok", account.alarms.min.state)
  end)
end)

describe("a monitor's snapshot", function()
  it("has nothing of an account that was never asked", function()
    local world = world_of { udio = 100 }
    local account = watching.monitor(world):snapshot().accounts[1]
    assert.same({
      name = "udio", provider = "udio", unit = "credit", is_up = false,
      is_stale = true, failures = {}, fields = {}, history = {}, rates = {},
      outlook = "not enough data", state = "unknown", alarms = {},
      undelivered = {},
    }, account)
    assert.equal(0, world.asked)
  end)

  it("has a sample for each answer, and one for a cached one", function()
    local world = world_of { udio = 100 }
    local watched = watching.monitor(world)
    round(world, watched)
    local fetched_at = world.now
    world.more.udio = { cached = true, fetched_at = fetched_at, age = 900 }
    local account = round(world, watched, 900)
    assert.equal(1, #account.history)
    assert.is_true(account.is_up)
    world.more.udio = nil
    world.left.udio = 90
    account = round(world, watched, 900)
    assert.same({ { at = fetched_at, left = 100, begins = true },
      { at = world.now, left = 90 } }, account.history)
  end)

  it("keeps a newer answer than that of another process's cache", function()
    local world = world_of { udio = 100 }
    local watched = watching.monitor(world)
    round(world, watched)
    local fetched_at = world.now
    world.left.udio = 500
    world.more.udio = { cached = true, fetched_at = fetched_at - 60, age = 60 }
    local account = round(world, watched)
    assert.equal(100, account.available)
    assert.equal(fetched_at, account.fetched_at)
    assert.is_true(account.is_up)
  end)

  it("keeps the old amount while there is a failure, as stale", function()
    local world = world_of { udio = 100 }
    local watched = watching.monitor(world)
    round(world, watched)
    local fetched_at = world.now
    world.kind.udio = "timeout"
    local account = round(world, watched)
    assert.equal(100, account.available)
    assert.equal(fetched_at, account.fetched_at)
    assert.is_false(account.is_up)
    assert.is_true(account.is_stale)
    assert.equal("timeout", account.failure.kind)
    assert.equal(world.now, account.failed_at)
    assert.same({ timeout = 1 }, account.failures)
    assert.equal("ok", account.state)
    world.kind.udio = nil
    account = round(world, watched)
    assert.is_nil(account.failure)
    assert.is_nil(account.failed_at)
    assert.is_true(account.is_up)
    assert.same({ timeout = 1 }, account.failures)
  end)

  it("takes an old result with a failure for both", function()
    local world = world_of { udio = 100 }
    local watched = watching.monitor(world)
    round(world, watched)
    world.more.udio = { cached = true, stale = true, fetched_at = world.now,
      refresh_error = { provider = "udio", kind = "dns", message = "x" } }
    local account = round(world, watched)
    assert.is_false(account.is_up)
    assert.equal("dns", account.failure.kind)
    assert.equal(100, account.available)
  end)

  it("says that no round was made lately", function()
    local world = world_of { udio = 100 }
    local watched = watching.monitor(world)
    assert.is_false(round(world, watched).is_stale)
    world.now = world.now + 600
    assert.is_false(watched:snapshot().accounts[1].is_stale)
    world.now = world.now + 61
    assert.is_true(watched:snapshot().accounts[1].is_stale)
  end)

  it("has no text of a service, and no number that is none", function()
    local world = world_of { udio = 100 }
    world.more.udio = { note = "key-12345678", ratio = 0 / 0, big = math.huge,
      flag = true, list = { 1 }, [5] = 5, ["\255"] = 1, used = 3 }
    local account = round(world, (watching.monitor(world)))
    assert.same({ credits = 100, flag = true, used = 3 }, account.fields)
  end)

  it("begins a new segment where the unit changes", function()
    local world = world_of { udio = 100 }
    local watched = watching.monitor(world)
    round(world, watched)
    world.left.udio, world.more.udio = 9000, { unit = "character" }
    local account = round(world, watched, 900)
    assert.equal("character", account.unit)
    assert.is_true(account.history[2].begins)
    assert.is_nil(account.history[2].top_up)
    world.more.udio = { unit = "character", available_from = "other" }
    assert.is_true(round(world, watched, 900).history[3].begins)
  end)

  it("may be changed, but for its samples", function()
    local world = world_of { udio = 100 }
    local watched = watching.monitor(world,
      { alarms = { udio = { min = 500 } } })
    local account = round(world, watched)
    account.alarms.min.state, account.fields.credits = "x", "x"
    account.failures.dns = 5
    account = watched:snapshot().accounts[1]
    assert.equal("low", account.alarms.min.state)
    assert.equal(500, account.alarms.min.min)
    assert.equal(100, account.fields.credits)
    assert.same({}, account.failures)
  end)
end)
