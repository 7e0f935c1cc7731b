-- SPDX-License-Identifier: MIT
--
-- balance.all: many accounts at once, partial results. A server that answers
-- only when several requests are there shows that they are in flight at once;
-- see spec/support/meeting_server.lua.
local balance = require "balance"
local accounts = require "sandbox.accounts"
local meeting = require "support.meeting"
local process = require "support.process"

meeting.register()

local bench = accounts.tencent.bench

-- The sandbox's account of Tencent that has no rate limit.
local function tencent(changes)
  local options = {
    secret_id = bench.secret_id, secret_key = bench.secret_key,
  }
  for name, value in pairs(changes or {}) do
    options[name] = value
  end
  return options
end

local function names(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = tostring(name)
  end
  table.sort(list)
  return table.concat(list, " ")
end

-- The names of the results and failures of balance.all without an argument, in
-- a process with this environment.
local function all_with(setting, code)
  local output, status = process.run_lua(([[
    local balance = require "balance"
    local function names(set)
      local list = {}
      for name, each in pairs(set) do
        list[#list + 1] = name .. "=" .. tostring(each.available or each.kind)
      end
      table.sort(list)
      return table.concat(list, " ")
    end
    local results, failures = %s
    io.write(names(results), "|", names(failures))
  ]]):format(code or "balance.all()"), setting)
  assert.equal(0, status, output)
  return output
end

local no_tencent = "env -u TENCENTCLOUD_SECRET_ID "

describe("balance.all()", function()
  it("returns results and failures by the caller's names", function()
    local results, failures = balance.all {
      udio = {},
      ["team b"] = { provider = "udio",
        api_key = accounts.udio.unused.api_key },
      [3] = { provider = "tempolor" },
      tencent = tencent { temp_credit = true },
      refused = { provider = "udio", api_key = "not-a-key" },
      nobody = tencent { provider = "tencent",
        endpoint = "http://127.0.0.1:1" },
    }
    assert.equal("3 team b tencent udio", names(results))
    assert.equal(195, results.udio.credits)
    assert.equal(200, results["team b"].credits)
    assert.equal("udio", results["team b"].provider)
    assert.equal(776.56, results[3].balance)
    assert.equal(4200, results.tencent.available)

    assert.equal("nobody refused", names(failures))
    assert.equal("auth", failures.refused.kind)
    assert.equal("udio", failures.refused.provider)
    assert.matches("^udio: auth: ", tostring(failures.refused))
    assert.equal("connect", failures.nobody.kind)
    assert.equal("tencent", failures.nobody.provider)
  end)

  it("without an account returns two empty tables", function()
    local results, failures = balance.all {}
    assert.same({}, results)
    assert.same({}, failures)
  end)

  it("without an argument asks whoever has keys in the environment",
    function()
      assert.equal("tempolor=776.56 tencent=10000000000 udio=195|",
        (all_with(""):gsub("e%+10", "0000000000")))
      assert.equal("tempolor=776.56 udio=195|", all_with(no_tencent))
      assert.equal("tempolor=776.56|udio=auth",
        all_with(no_tencent .. "UDIO_API_KEY=not-a-key"))
      assert.equal("|", all_with(no_tencent
        .. "-u UDIO_API_KEY TEMPOLOR_API_KEY="))
      -- an id without a key
      assert.equal("|", all_with("env -u TENCENTCLOUD_SECRET_KEY "
        .. "-u UDIO_API_KEY -u TEMPOLOR_API_KEY"))
    end)

  it("gives what has no key, when it is asked for, as a failure", function()
    assert.equal("|udio=config", all_with("UDIO_API_KEY=",
      "balance.all { udio = {} }"))
  end)

  it("asks a registered provider: with its keys by itself, without any where"
    .. " it is named", function()
    local register = [[(function()
      for _, name in ipairs { "open", "locked" } do
        local provider = {}
        for field, value in pairs(require "balance.provider.udio") do
          provider[field] = value
        end
        provider.name = name
        provider.credentials = name == "locked"
          and { { name = "api_key", variable = "LOCKED_API_KEY" } } or {}
        provider.request = function()
          return { path = "/api/v2/credits", scheme = "Bearer",
            authorization = os.getenv "UDIO_API_KEY" }
        end
        provider.hint = nil
        balance.register(provider)
      end
      return balance.all(%s)
    end)()]]
    local setting = no_tencent .. "-u TEMPOLOR_API_KEY "
    assert.equal("udio=195|", all_with(setting, register:format ""))
    assert.equal("locked=195 udio=195|",
      all_with(setting .. "LOCKED_API_KEY=k", register:format ""))
    assert.equal("a=195 open=195|locked=config", all_with(setting,
      register:format "{ open = {}, a = { provider = 'open' }, locked = {} }"))
  end)

  it("raises at the caller's line for a mistake, before anything is sent",
    function()
      local asked = 0
      balance.register {
        name = "counted", unit = "credit", endpoint = meeting.endpoint(),
        credentials = {}, read = print,
        request = function() asked = asked + 1 return { path = "/1/n" } end,
      }
      local client = balance.new()
      for _, mistake in ipairs {
        { { team = {} }, "team: unknown provider 'team'" },
        { { team = { provider = "odio" } },
          "team: unknown provider 'odio'" },
        { { team = { provider = 7 } }, "team: unknown provider '7'" },
        { { {} }, "1: unknown provider '1'" },
        { { udio = true }, "udio: options must be a table, not a boolean" },
        { { udio = { key = "x" } }, "udio: unknown option 'key'" },
        { { b = { provider = "udio", temp_credit = true } },
          "b: unknown option 'temp_credit'" },
        { { udio = { timeout = "5" } },
          "udio: option 'timeout' must be a number, not a string" },
        { "udio", "accounts must be a table, not a string" },
        { false, "accounts must be a table, not a boolean" },
      } do
        if type(mistake[1]) == "table" then
          mistake[1].counted = {}
        end
        for _, all in ipairs { balance.all, client.all,
          function(given) return (client:all(given)) end } do
          local line = debug.getinfo(1, "l").currentline + 2
          local ok, message = pcall(function()
            return (all(mistake[1]))
          end)
          assert.is_false(ok)
          assert.matches("balance.all: " .. mistake[2], message, 1, true)
          if all ~= balance.all and all ~= client.all then
            line = line - 3 -- the line of the call
          end
          assert.matches("all_spec.lua:" .. line .. ":", message, 1, true)
        end
      end
      assert.equal(0, asked)
    end)

  it("keeps a bad value of one account to that account", function()
    local results, failures = balance.all {
      udio = {}, b = { provider = "udio", api_key = "a\nb" },
      c = { provider = "udio", endpoint = "http://example.com" },
    }
    assert.equal("udio", names(results))
    assert.equal("config", failures.b.kind)
    assert.equal("config", failures.c.kind)
  end)

  it("leaves the caller's table as it was", function()
    local given = { b = { provider = "udio", timeout = 5 } }
    assert.is_table(balance.all(given).b)
    assert.same({ b = { provider = "udio", timeout = 5 } }, given)
  end)

  it("has the results of the others where a provider raises", function()
    balance.register {
      name = "broken", unit = "credit", endpoint = meeting.endpoint(),
      credentials = {}, request = function() return { path = "/1/b" } end,
      read = function() error("a mistake in a provider", 0) end,
    }
    local results, failures = balance.all { broken = {}, udio = {} }
    assert.equal("decode", failures.broken.kind)
    assert.equal("the provider's read() raised an error: a mistake in a"
      .. " provider", failures.broken.message)
    assert.is_nil(failures.udio)
    assert.equal(195, results.udio.credits)
  end)
end)

describe("a client's all()", function()
  it("takes the client's settings", function()
    local client = balance.new {
      udio = { api_key = accounts.udio.unused.api_key },
      tencent = tencent { endpoint = "http://127.0.0.1:1" },
      timeout = 5,
    }
    for _, all in ipairs { client.all,
      function(given) return client:all(given) end } do
      local results, failures = all {
        udio = {}, main = { provider = "udio",
          api_key = accounts.udio.main.api_key },
        tencent = {},
      }
      assert.equal(200, results.udio.credits)
      assert.equal(195, results.main.credits)
      assert.equal("connect", failures.tencent.kind)
    end
  end)

  it("without an argument asks whoever has keys in the settings or the"
    .. " environment", function()
    local code = ([[balance.new { udio = { api_key = %q } }:all()]]):format(
      accounts.udio.unused.api_key)
    assert.equal("tempolor=776.56 udio=200|",
      all_with(no_tencent .. "-u UDIO_API_KEY", code))
    assert.equal("udio=200|", all_with(no_tencent
      .. "-u UDIO_API_KEY -u TEMPOLOR_API_KEY", code))
  end)
end)

describe("the calls of balance.all()", function()
  local function many(count, size, room)
    local given = {}
    for i = 1, count do
      given["account " .. i] = { provider = "meeting", size = size,
        room = room, timeout = 20 }
    end
    return given
  end

  local function check(count, results, failures)
    local _, failure = next(failures)
    assert.is_nil(failure, tostring(failure))
    local most = 0
    for i = 1, count do
      most = math.max(most, results["account " .. i].credits)
    end
    return most
  end

  it("are in flight at once in a plain script", function()
    assert.equal(7, check(7, balance.all(many(7, 7, "seven"))))
  end)

  it("may be hundreds #fast", function()
    assert.equal(500, check(500, balance.all(many(500, 500, "hundreds"))))
  end)

  -- More than the usual limit of descriptors.
  it("may be more than 512, of which the rest waits its turn #fast", function()
    assert.equal(512, check(600, balance.all(many(600, 0, "more"))))
    assert.is_nil(require("balance.core").transport():timeout())
  end)
end)
