-- SPDX-License-Identifier: MIT
--
-- lua/balance/types.lua, which no program loads, has what there is, and
-- nothing else.
local annotations = require "support.annotations"
local attempt = require "balance.attempt"
local balance = require "balance"
local core = require "balance.core"
local failure = require "balance.failure"
local loops = require "balance.loop"
local options = require "balance.options"
local pages = require "support.readme"
local process = require "support.process"
local providers = require "balance.providers"
local schema = require "balance.schema"
local variant = require "support.variant"

local fields_of, lua_types = annotations.fields_of, annotations.lua_types
local names, types = pages.names, annotations.types
local built_in = { tempolor = true, udio = true, tencent = true }

local function own_fields(class)
  return names(types[class].fields)
end

-- The types of Lua that an option takes, without userdata, which is as good as
-- a table.
local function types_of(rule)
  local found = {}
  for word in rule[1]:gmatch "%l+" do
    found[word] = word ~= "userdata" or nil
  end
  return found
end

-- What is no balance of a provider that another spec has registered.
local function public(face)
  local found = {}
  for name in pairs(face) do
    found[name] = (built_in[name] or not providers.known[name]) or nil
  end
  return names(found)
end

describe("balance.types", function()
  it("has each function of the module", function()
    assert.same(public(balance), own_fields "balance")
    for name, field in pairs(types.balance.fields) do
      assert.is_true(lua_types(field.type)[type(balance[name])], name)
    end
    assert.is_function(balance.store.sqlite) -- it is there now
    assert.same(names(balance.store), own_fields "balance.Stores")
    assert.same(names(balance.tc3), own_fields "balance.TC3")
  end)

  it("has each method of a client", function()
    local methods, client = { all = true }, balance.new()
    for name in pairs(built_in) do
      methods[name] = true
    end
    assert.same(names(methods), own_fields "balance.Client")
    for name in pairs(methods) do
      assert.is_function(client[name])
    end
  end)

  it("has each method of a transfer, the transport and a store", function()
    local transport = core.transport()
    local transfer = transport:start {
      endpoint = "http://127.0.0.1:1", path = "/", timeout = 1,
      connect_timeout = 1,
    }
    for class, object in pairs {
      Transport = transport, Transfer = transfer,
      Store = balance.store.memory(),
    } do
      local methods = core.copy(debug.getmetatable(object).__index)
      methods.__index = nil
      assert.same(names(methods), own_fields("balance." .. class))
      for name in pairs(methods) do
        assert.is_function(object[name])
      end
    end
    transfer:close()
    for name in pairs(fields_of "Store") do
      assert.is_function(balance.store.redis({})[name])
    end
  end)

  it("has what a loop must have, and the loops by name", function()
    local loop = {}
    for name in pairs(fields_of "Loop") do
      loop[name] = print
    end
    assert.is_nil(loops.mistake(loop))
    for name, field in pairs(fields_of "Loop") do
      loop[name] = nil
      assert.equal(not field.optional, loops.mistake(loop) ~= nil, name)
      loop[name] = print
    end
    local known = {}
    for name in fields_of "Settings".loop.text:gmatch '"(%l+)"' do
      known[name] = true
    end
    assert.same(names(loops.names), names(known))
  end)

  it("has what a provider must have", function()
    local provider = {}
    for name, field in pairs(fields_of "Provider") do
      local value = { string = name, table = {}, ["function"] = print }
      provider[name] = not field.optional
        and value[next(lua_types(field.type))] or nil
    end
    provider.endpoint = "https://example.com"
    assert.is_table(providers.read(provider, {}))
    for name in pairs(provider) do
      local without = core.copy(provider)
      without[name] = nil
      assert.is_string(select(2, providers.read(without, {})), name)
    end
  end)

  it("has what a provider may have and return", function()
    local ours = { is_clock_refused = true, is_token_refused = true,
      credential_options = true, credential_sources = true,
      credential_role = true, currency = true, odd = true }
    local taken = {}
    for name in pairs(providers.fields) do
      taken[name] = not ours[name] or nil
    end
    assert.same(names(taken), own_fields "balance.Provider")
    assert.same(names(providers.credential_fields),
      own_fields "balance.Credential")
    assert.same(names(attempt.request_fields), own_fields "balance.Request")
    for name in pairs(built_in) do
      for field in pairs(providers.known[name]) do
        assert.is_truthy(providers.fields[field], field)
      end
    end
  end)

  it("has what is known of a provider", function()
    local known = balance.providers()[1]
    known.endpoint_variable = "X"
    assert.same(names(known), own_fields "balance.KnownProvider")
    assert.same(names(known.credentials[1]),
      own_fields "balance.KnownCredential")
  end)

  it("has what the README says about providers", function()
    local section = pages.section "balance%.register%(provider%)"
    for _, class in ipairs { "Provider", "Credential", "Request",
      "HintContext" } do
      for name in pairs(fields_of(class)) do
        assert.is_not_nil(section:find("[^%w_]" .. name .. "[^%w_]"), name)
      end
    end
  end)

  it("has each kind of a failure", function()
    assert.same(names(failure.kinds), names(types["balance.Kind"].choices))
  end)

  it("has each event of the trace, and what it is given", function()
    local events = {}
    local fields = { event = true, provider = true, account = true }
    for position in pages.sources:gmatch "(){%s*event = " do
      local given = pages.sources:match("^%b{}", position)
      for name in given:match("event = ([^,}]+)"):gmatch '"([%l_]+)"' do
        events[name] = true
      end
      for name in given:gmatch "([%l_]+) = " do
        fields[name] = true
      end
    end
    assert.same(names(events), names(types["balance.EventName"].choices))
    assert.same(names(fields), own_fields "balance.Event")
  end)

  it("has all annotations of the language server", function()
    local files = process.run "grep -rlE -- '^ *---[@|]' lua"
    assert.equal("lua/balance/types.lua\n", files)
  end)

  it("names no type that it does not have", function()
    local tags = process.run "grep -rh '^-- @t' lua"
    for name in (annotations.text .. tags):gmatch "balance%.%u%w*" do
      assert.is_not_nil(types[name], name)
    end
  end)
end)

describe("balance.types, of the options,", function()
  local function check(class, rules)
    local fields = fields_of(class)
    for name, rule in pairs(rules) do
      local field = fields[name]
      assert.same(types_of(rule), lua_types(field.type), name)
      assert.is_true(field.optional, name)
      assert.equal(rule.whole == true, field.type == "integer", name)
      if rule.doc then
        local doc = " " .. rule.doc
        if rule.default ~= nil then
          doc = ("%s (%s)"):format(doc, tostring(rule.default))
        end
        assert.equal(doc, field.text:sub(-#doc))
      end
      if rule.choices then
        assert.equal('"' .. table.concat(rule.choices, '"|"') .. '"',
          field.type)
      end
    end
  end

  it("has those of every provider", function()
    assert.same(names(options.shared), own_fields "balance.SharedOptions")
    check("SharedOptions", options.shared)
    assert.same(names(options.of_provider), own_fields "balance.Options")
    check("Options", options.of_provider)
  end)

  it("has those of each provider", function()
    for class, list in pairs { KeyOptions = { "tempolor", "udio" },
      TencentOptions = { "tencent" }, Account = names(built_in) } do
      local known = {}
      for _, name in ipairs(list) do
        local rules = options.of(providers.known[name])
        check(class, rules)
        for option in pairs(rules) do
          known[option] = true
        end
      end
      known.provider = class == "Account" or nil
      assert.same(names(known), names(fields_of(class)))
    end
  end)

  it("has a client's settings", function()
    local known = {}
    for name in pairs(options.of_client) do
      known[name] = true
    end
    for name in pairs(built_in) do
      known[name] = true
    end
    assert.same(names(known), own_fields "balance.Settings")
    check("Settings", options.of_client)
  end)

  it("has the settings of a cache and the options of a store", function()
    assert.same(names(options.of_cache), own_fields "balance.CacheSettings")
    check("CacheSettings", options.of_cache)
    local read_options, known = schema.read_options, nil
    finally(function() schema.read_options = read_options end)
    function schema.read_options(given, rules)
      known = rules
      return read_options(given, rules)
    end
    balance.store.memory()
    assert.same(names(known), own_fields "balance.MemoryOptions")
    check("MemoryOptions", known)
    balance.store.redis {}
    assert.same(names(known), own_fields "balance.RedisOptions")
    check("RedisOptions", known)
    balance.store.sqlite "x"
    assert.same(names(known), own_fields "balance.SqliteOptions")
    check("SqliteOptions", known)
  end)

  it("has a monitor's settings and methods", function()
    local settings = require "balance.monitor.settings"
    for class, rules in pairs { MonitorSettings = settings.schema,
      AlarmSettings = settings.of_alarms } do
      assert.same(names(rules), own_fields("balance." .. class))
      check(class, rules)
    end
    local watched = require("balance.monitor").new()
    for name in pairs(fields_of "Monitor") do
      assert.is_function(watched[name], name)
    end
  end)

  it("has the fields that are signed", function()
    local values, request = { timestamp = 1, headers = { host = "x" } }, {}
    for name in pairs(types["balance.tc3.Request"].fields) do
      request[name] = values[name] or "x"
    end
    request.path = "/"
    assert.is_table(balance.tc3.sign(request))
    for name, field in pairs(types["balance.tc3.Request"].fields) do
      local without = core.copy(request)
      without[name] = nil
      assert.equal(field.optional, (pcall(balance.tc3.sign, without)), name)
    end
    assert.same(own_fields "balance.tc3.Request",
      names(pages.rows(pages.section "balance%.tc3%.sign%(request%)")))
  end)
end)

describe("balance.types, of what comes back,", function()
  local seen -- by class: the fields that came

  -- Compares a value with the class that it should be of.
  local function check(class, value)
    assert.is_table(value, class)
    local fields = fields_of(class)
    seen[class] = seen[class] or {}
    for name, item in pairs(value) do
      local field = fields[name]
      assert.is_not_nil(field, class .. "." .. name)
      assert.is_true(lua_types(field.type)[type(item)], class .. "." .. name)
      seen[class][name] = true
    end
    for name, field in pairs(fields) do
      assert.is_true(field.optional or value[name] ~= nil, name)
    end
  end

  local function wait_for_a_second() -- by the clock of the cache
    local now = os.time()
    while os.time() == now do
      core.sleep(0.05)
    end
  end

  local events -- kept, as what a trace function raises is dropped

  local function trace(event)
    events[#events + 1] = event
  end

  local function succeed(class, result, err)
    assert.is_nil(err, tostring(err))
    check(class, result)
    check("Timing", result.timing)
    return result
  end

  local answers -- headers of a request

  local function add_answers(request)
    for name, value in pairs(answers) do
      request.headers[name] = value
    end
  end

  before_each(function()
    seen, answers, events = {}, {}, {}
  end)

  after_each(function()
    for _, event in ipairs(events) do
      check("Event", event)
    end
  end)

  it("has each field of a result", function()
    local udio = variant.register("udio", add_answers)
    local tencent = variant.register("tencent", function(request, _, offset)
      request.tc3.timestamp = os.time() - 3600 + offset
      request.headers["X-Sandbox-Date"] = os.date(
        "!%a, %d %b %Y %H:%M:%S GMT", os.time() + 3600)
    end)
    succeed("TempolorResult", balance.tempolor { trace = trace })
    local result = succeed("TencentResult", balance.new()[tencent] {
      temp_credit = true, trace = trace })
    check("TemporaryAmount", result.TempAmountInfoList[1])

    local given = { cache = { ttl = 0.01, store = balance.store.memory() },
      retries = 0, trace = trace }
    succeed("UdioResult", balance[udio](given))
    wait_for_a_second()
    answers["X-Sandbox-Answer"] = "http-500"
    result = succeed("UdioResult", balance[udio](given))
    check("Failure", result.refresh_error)
    answers["X-Sandbox-Answer"] =
      'body:{"code":"200","data":{"credits":7,"used_credits":0}}'
    succeed("UdioResult", balance[udio] { trace = trace })

    local common = {}
    for _, class in ipairs { "TempolorResult", "UdioResult",
      "TencentResult" } do
      for name in pairs(fields_of "Result") do
        common[name] = common[name] or seen[class][name]
        seen[class][name] = nil
      end
      assert.same(own_fields("balance." .. class), names(seen[class]))
    end
    assert.same(own_fields "balance.Result", names(common))
    for _, class in ipairs { "Timing", "TemporaryAmount" } do
      assert.same(own_fields("balance." .. class), names(seen[class]))
    end
  end)

  it("has each field of a snapshot and of an event", function()
    local worlds = require "support.watching"
    local world = worlds.world { udio = 100 }
    world.more.udio = { unit = "cent" }
    local watched = worlds.monitor(world, {
      alarms = { udio = { min = 50, min_days = 1, remind = 60 } },
      notify = function(event)
        check("AlarmEvent", event)
        return nil, "no"
      end,
    })
    local of = watched.settings.of
    function watched.settings.of(name)
      local own = of(name)
      own.currency = "USD"
      return own
    end
    local function round(left, kind)
      world.left.udio, world.kind.udio = left, kind
      local account = worlds.round(world, watched, 3600)
      check("WatchedAccount", account)
      check("Rates", account.rates)
      for _, each in ipairs(account.history) do
        check("Sample", each)
      end
      for _, each in pairs(account.alarms) do
        check("Alarm", each)
      end
      for _, each in ipairs(account.undelivered) do
        check("UndeliveredEvent", each)
      end
      if account.failure then
        account.failure.code = account.failure.code or 5
        account.failure.status, account.failure.hint = 5, "x"
        check("WatchedFailure", account.failure)
      end
    end
    for i = 0, 12 do
      round(100 - i * 5)
    end
    round(1, "auth")
    round(500)
    local shown = watched:snapshot()
    shown.problem = "x"
    check("Snapshot", shown)
    seen.AlarmEvent.hint = true -- not of this failure
    for class in pairs(seen) do
      assert.same(own_fields("balance." .. class), names(seen[class]), class)
    end
  end)

  it("has each field of a failure", function()
    local tencent = variant.register("tencent", add_answers)
    local context
    local udio = variant.register("udio", add_answers, {
      hint = function(_, given) context = given end,
    })
    for _, each in ipairs {
      { tencent, "AuthFailure.TokenFailure" }, { udio, "429" },
      { udio, "http-444" },
    } do
      answers["X-Sandbox-Answer"] = each[2]
      answers["X-Sandbox-Retry-After"] = "7"
      check("Failure", (select(2, balance[each[1]] { retries = 0,
        trace = trace })))
    end
    assert.same(own_fields "balance.Failure", names(seen.Failure))
    check("HintContext", context)
    assert.same(own_fields "balance.HintContext", names(seen.HintContext))
  end)
end)
