-- SPDX-License-Identifier: MIT
local balance = require "balance"
local memory = require "balance.store.memory"
local monitor = require "balance.monitor"
local process = require "support.process"
local states = require "balance.monitor.state"
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
        alarms = { udio = { min = 50 } }, notify = function() end })
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
