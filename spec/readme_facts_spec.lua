-- SPDX-License-Identifier: MIT
--
-- What the README and examples/README.md say is what the code does.
local configs = require "balance.config"
local core = require "balance.core"
local failure = require "balance.failure"
local loops = require "balance.loop"
local options = require "balance.options"
local pages = require "support.readme"
local records = require "balance.record"

local declares, fields_of, names = pages.declares, pages.fields_of, pages.names
local quoted, rows, section = pages.quoted, pages.rows, pages.section
local says = pages.says

-- The services that are built in; other specs may register theirs.
local providers = {}
for _, name in ipairs { "tempolor", "udio", "tencent" } do
  providers[name] = require("balance.provider." .. name)
end

-- The names and types of a schema.
local function declared(schema)
  local found = {}
  for name, rule in pairs(schema) do
    found[name] = rule[1]
  end
  return found
end

describe("the README's options", function()
  local documented = rows(section "Options and environment")

  it("are in the table with their types, and no others", function()
    local known = declared(options.shared)
    for name, types in pairs(declared(options.of_provider)) do
      known[name] = types
    end
    for _, provider in pairs(providers) do
      for _, credential in ipairs(provider.credentials) do
        known[credential.name] = "string"
      end
      for name, types in pairs(provider.options or {}) do
        known[name] = type(types) == "table" and "string" or types
      end
    end
    assert.same(names(known), names(documented))
    local words = { ["table boolean"] = "table, `false`",
      ["number boolean"] = "number, `false`",
      ["string table"] = "string, list" }
    for name, types in pairs(known) do
      assert.equal(words[types] or types:gsub(" ", ", "), documented[name][2],
        name)
    end
  end)

  it("say which provider alone has them", function()
    local own = {}
    for name, provider in pairs(providers) do
      for _, credential in ipairs(provider.credentials) do
        own[credential.name] = (own[credential.name] or "") .. " " .. name
      end
      for option in pairs(provider.options or {}) do
        own[option] = (own[option] or "") .. " " .. name
      end
    end
    for option, cells in pairs(documented) do
      assert.equal(own[option] == nil, cells[3]:find("^all") ~= nil, option)
      for name in (own[option] or ""):gmatch("%S+") do
        assert.is_not_nil(cells[3]:find(name, 1, true), option)
      end
    end
  end)

  it("have beside them the settings that are a client's alone", function()
    assert.same(names(declared(options.of_client)),
      names(rows(section "balance%.new%(settings%)")))
  end)

  it("have their defaults", function()
    for name, option in pairs(options.shared) do
      if option.default ~= nil then
        local shown = type(option.default) == "number" and "%d" or "`%s`"
        assert.equal(shown:format(tostring(option.default)),
          documented[name][4], name)
      end
    end
    local config = configs.base(providers.udio, {}).config
    assert.equal(("%d for tencent, else `%s`"):format(
      configs.base(providers.tencent, {}).config.rate,
      tostring(config.rate)), documented.rate[4])
    assert.equal("`" .. tostring(config.cache or false) .. "`",
      documented.cache[4])
  end)

  it("have the maximum of each number", function()
    says("Options and environment", "how often to ask [again](#retries), 0 to"
      .. " %d", 10)
    says("Options and environment", "retries included, at most %d", 86400)
    declares("options", 10, 86400)
  end)

  it("have every environment variable beside them", function()
    local count = 0
    local places = section "Options and environment"
      .. section "Output and exit status" -- those of the command
    local function check(name)
      count = count + 1
      assert.is_not_nil(places:find("`" .. name .. "`", 1, true), name)
    end
    for name in pages.sources:gmatch('"(%u[%u%d]*_[%u%d_]+)"') do
      check(name)
    end
    for name in pages.sources:gmatch('getenv%(? ?"(%u+)"') do
      check(name)
    end
    assert.is_true(count >= 14)

    for name, option in pairs(options.shared) do
      if option.variable then
        assert.is_not_nil(documented[name][5]:find(
          "`" .. option.variable .. "`", 1, true), name)
      end
    end
    for _, provider in pairs(providers) do
      assert.is_not_nil(documented.endpoint[5]:find(
        "`" .. provider.endpoint_variable .. "`", 1, true))
      for _, credential in ipairs(provider.credentials) do
        local variables = credential.variable
        for _, name in ipairs(type(variables) == "table" and variables
          or { variables }) do
          assert.is_not_nil(documented[credential.name][5]:find(
            "`" .. name .. "`", 1, true), name)
        end
      end
    end
  end)
end)

describe("the README's failures", function()
  it("have each kind, and whether asking again helps", function()
    local documented = {}
    for name, cells in pairs(rows(section "Kinds")) do
      documented[name] = cells[2] == "yes"
      assert.is_true(cells[2] == "yes" or cells[2] == "no", name)
    end
    assert.same(failure.kinds, documented)
  end)

  it("have the services' codes as the providers do", function()
    local read = {
      tempolor = function(code)
        return { status = tonumber(code) }
      end,
      udio = function(code)
        return { code = tonumber((code:gsub("xx", "02"))) }
      end,
      tencent = function(code)
        return { Response = { Error = { Code = code:gsub("%*", ".Some") } } }
      end,
    }
    local documented, count = rows(section "Codes of the services"), 0
    for name, body in pairs(read) do
      for column, kind in ipairs { "auth", "rate_limit", "api" } do
        for code in documented[name][column + 1]:gmatch "[%w*]+" do
          if code:find("%d") or name == "tencent" then
            local _, failed = providers[name].read(200, body(code))
            local retryable = failed.retryable
            if code == "501" or code == "505" then
              assert.is_false(retryable)
            elseif column == 3 then
              assert.is_true(retryable)
            end
            assert.equal(kind, failed.kind, code)
            count = count + 1
          end
        end
      end
    end
    assert.equal(19, count)
  end)

  it("have their hint in their text, as the README says", function()
    says("Failures", "one line for a log, and the `hint` is in it")
    assert.equal("udio: dns: no such host; look here", tostring(failure.new {
      provider = "udio", kind = "dns", message = "no such host",
      hint = "look here",
    }))
  end)

  it("have each field", function()
    local documented = rows(section "Failures")
    for name in pairs(fields_of "balance.Failure") do
      assert.is_not_nil(documented[name], name)
    end
  end)
end)

describe("the README's results", function()
  it("have each field", function()
    local headings = {
      Result = "Results",
      TempolorResult = "balance%.tempolor%(options%)",
      UdioResult = "balance%.udio%(options%)",
      TencentResult = "balance%.tencent%(options%)",
    }
    for class, heading in pairs(headings) do
      local documented = rows(section(heading))
      for name in pairs(fields_of("balance." .. class)) do
        assert.is_not_nil(documented[name], class .. "." .. name)
      end
    end
    assert.same(fields_of "balance.Timing",
      quoted(rows(section "Results").timing[3]))
  end)

  it("of tencent come with where to look up the currency", function()
    says("balance%.tencent%(options%)", "call DescribeDealsByCond of the same"
      .. " API, which has a `Currency`")
  end)

  it("of balance.core.info are what it returns", function()
    local documented = rows(section "balance%.core%.info%(%)")
    assert.same(names(core.info()), names(documented))
    for name, value in pairs(core.info()) do
      assert.equal(type(value), documented[name][2])
    end
  end)
end)

describe("the README's numbers", function()
  it("are those of retries, rate and clock", function()
    says("Retries", "from 0 to %s s, and this maximum doubles up to %d s",
      0.1, 2)
    says("Retries", "a budget of %d tokens: a retry costs %d, after a timeout"
      .. " %d, and a result gives %d back", 100, 5, 10, 1)
    declares("retry", 0.1, 2, 100, 5, 10, 1)
    says("Rate limit", "no more than %d requests a second",
      configs.base(providers.tencent, {}).config.rate)
    says("A wrong clock", "at most %d hours off", 24)
    declares("clock", 86400)
  end)

  it("are those of a role", function()
    says("A role", "renewed when %d s or less are left", 300)
    declares("credentials/kept", 300)
    says("A role", "AssumeRole takes at most %s s, the metadata service %s s",
      require("balance.credentials.assumed_role").limit,
      require("balance.credentials.cvm_role").limit)
    says("A role", "for %d s", 7200)
    declares("credentials/assumed_role", 7200)
  end)
end)

describe("the README's failover", function()
  it("has the failures that go to the next endpoint", function()
    local kinds = {}
    for kind in pages.only(pages.sources,
      "= (%{ dns = true, [^}]*%})"):gmatch("(%l+) =") do
      kinds[kind] = true
    end
    assert.same(names(kinds), names((quoted(section "Failover"))))
  end)
end)

describe("the README's cache", function()
  it("has each setting with its default", function()
    local documented = rows(section "Cache")
    for name in pairs(fields_of "balance.CacheSettings") do
      assert.is_not_nil(documented[name], name)
    end
    for _, name in ipairs { "ttl", "stale", "refresh_timeout" } do
      local pattern = "%f[%w]" .. name .. " = (%d+)"
      assert.equal(pages.sources:match(pattern)
        or pages.sources:match(name .. " = {[^}]-default = (%d+)"),
        documented[name][3])
    end
  end)

  it("remembers failures for as long as it says, but for some kinds",
    function()
      says("Cache", "is remembered for %d s, and twice as long with each"
        .. " failure in a row, up to %d s; an `auth` failure at first for"
        .. " %d s", 2, 60, 10)
      declares("refresh", 2, 60, 10)
      local kinds = {}
      for kind in pairs(failure.kinds) do
        kinds[kind] = not records.kinds[kind] or nil
      end
      local list = pages.only(section "Cache",
        "\n%- (`config`[^.]-) are not remembered")
      assert.same(names(kinds), names((quoted(list))))
    end)

  it("has each method of a store", function()
    local methods = fields_of "balance.Store"
    for method in pairs(methods) do
      assert.is_not_nil(section "Stores":find("`" .. method .. "(key", 1,
        true), method)
    end
    for name in pairs(rows(section("A store of your own", pages.more))) do
      assert.is_true(methods[name:match("^%l+")], name)
    end
  end)
end)

describe("the README's trace", function()
  it("has each event, with the fields that it is given", function()
    local documented, known = rows(section "Trace"), {}
    for name in pairs(pages.choices_of "balance.EventName") do
      known[name] = {}
    end
    assert.same(names(known), names(documented))

    local general = { event = true, provider = true, account = true }
    for position in pages.sources:gmatch("(){%s*event = ") do
      local fields = pages.sources:match("^%b{}", position)
      local event = fields:match("event = ([^,]+)")
      for name in event:gmatch('"([%l_]+)"') do
        assert.is_not_nil(known[name], name)
        for field in fields:gmatch("([%l_]+) = ") do
          known[name][field] = not general[field] or nil
        end
      end
    end
    local every = {}
    for name, fields in pairs(known) do
      assert.is_not_nil(next(fields), name)
      assert.same(fields, quoted(documented[name][3]), name)
      for field in pairs(fields) do
        every[field] = true
      end
    end
    for field in pairs(fields_of "balance.Event") do
      assert.is_true(every[field] or general[field], field)
    end
    for field in pairs(general) do
      assert.is_true(quoted(section "Trace")[field], field)
    end
  end)
end)

describe("the README's signer", function()
  it("has each field that it takes", function()
    local documented = rows(section "balance%.tc3%.sign%(request%)")
    for name in pairs(fields_of "balance.tc3.Request") do
      assert.is_not_nil(documented[name], name)
    end
  end)
end)

describe("examples/README.md", function()
  it("has the functions of a loop", function()
    for name in pairs(rows(section("A loop of your own", pages.more))) do
      if name:find("^%l+%(") then
        name = name:match("^%l+")
        assert.is_function(loops.names.luv[name], name)
      end
    end
  end)

  it("has the kinds of use to a loop, and whether a call is tried again",
    function()
      local count = 0
      for name, cells in pairs(rows(section("A loop of your own",
        pages.more))) do
        if failure.kinds[name] ~= nil then
          count = count + 1
          assert.equal(failure.kinds[name] and "yes" or "no", cells[3], name)
        end
      end
      assert.equal(4, count)
    end)

  it("has functions and methods for a loop that are there", function()
    local transport = core.transport()
    local count = 0
    for name in pairs(rows(section("A loop of your own", pages.more))) do
      local class, method = name:match("^(%l+):(%l+)%(%)$")
      if class == "transport" then
        count = count + 1
        assert.is_function(transport[method], name)
      elseif name:find("^core%.") then
        count = count + 1
        assert.is_function(core[name:match("^core%.(%l+)%(")], name)
      end
    end
    assert.equal(7, count)
  end)

  it("has the period of the timer in nginx", function()
    local period = loops.names.nginx.period
    local text = section("The timer in nginx", pages.more)
    for name in pairs(period) do
      assert.is_true(quoted(text)[name], name)
    end
    assert.is_not_nil(text:find(("every %d ms"):format(
      period.shortest * 1000), 1, true))
    assert.is_not_nil(text:find(("up to %d ms"):format(
      period.longest * 1000), 1, true))
    assert.equal(1 / 100, period.share)
  end)
end)
