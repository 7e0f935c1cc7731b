-- SPDX-License-Identifier: MIT
-- What balance.register() takes and refuses.
local balance = require "balance"
local own = require "support.own"

local provider, register = own.provider, own.register

local function refusal(fields)
  local made = provider(fields)
  local before = balance[made.name]
  local ok, message = pcall(balance.register, made)
  assert.is_false(ok)
  assert.equal(before, balance[made.name])
  return message
end

describe("balance.register()", function()
  it("adds a provider to the module and to every client", function()
    local client = balance.new()
    local name = register { options = { path = "string" },
      request = function(config)
        return { path = config.path or "/none",
          authorization = config.api_key }
      end }
    assert.is_number(balance[name]({ api_key = "k" }).available)
    assert.is_number(client[name](client, { api_key = "k" }).left)
    local _, err = client[name]()
    assert.matches("OWN_API_KEY", err.message)
    _, err = balance[name] { api_key = "k", path = "/closed" }
    assert.equal("network", err.kind)
    assert.equal(name, err.provider)
    assert.has_error(function() balance[name] { paths = "x" } end)
  end)

  it("raises where a part is missing", function()
    for _, part in ipairs { "name", "unit", "endpoint", "credentials",
      "request", "read" } do
      local made = provider()
      made[part] = nil
      assert.error_matches(function() balance.register(made) end,
        "field '" .. part .. "' is missing")
    end
    assert.error_matches(function() balance.register("udio") end,
      "must be a table, not a string")
  end)

  it("raises at the caller's line", function()
    local ok, message = pcall(function() balance.register {} end)
    assert.is_false(ok)
    assert.matches("register_spec.lua:%d+: balance.register: ", message)
  end)

  it("raises where the name is taken, or cannot be called", function()
    for _, name in ipairs { "udio", "new", "timeout", "proxy", "all",
      "register", "providers", "loop" } do
      assert.matches("the name '" .. name .. "' is taken",
        refusal { name = name } or "")
    end
    for _, name in ipairs { "", "two words", "1st", "a-b", "end", "goto",
      "global" } do
      assert.matches("'name' must be an identifier of Lua",
        refusal { name = name })
    end
  end)

  it("raises for a field that does not exist, and says which was meant",
    function()
      assert.matches("unknown field 'reed'; did you mean 'read'?",
        refusal { reed = print }, 1, true)
      assert.matches("credential 'api_key': unknown field 'varible';"
        .. " did you mean 'variable'?", refusal { credentials = {
          { name = "api_key", varible = "X" } } }, 1, true)
    end)

  it("raises for a field of the wrong type", function()
    for name, value in pairs { unit = 5, endpoint = 5, credentials = "key",
      request = "x", read = {}, hint = "x", options = "x",
      endpoint_variable = 5, default_endpoint = "x" } do
      assert.matches("field '" .. name .. "' must be a ",
        refusal { [name] = value }, 1, true)
    end
    for _, list in ipairs { { name = "api_key", variable = "X" },
      { api_key = { variable = "X" } } } do
      assert.matches("'credentials' must be a list of tables",
        refusal { credentials = list }, 1, true)
    end
    for _, name in ipairs { "", "api key" } do
      assert.matches("credential '" .. name .. "': field 'name' must be",
        refusal { credentials = { { name = name } } }, 1, true)
    end
    assert.matches("field 'variable' is empty", refusal {
      credentials = { { name = "api_key", variable = "" } } }, 1, true)
    for _, list in ipairs { { "api_key" }, { {} }, { { name = 5 } } } do
      assert.matches("'credentials' must hold tables with a name",
        refusal { credentials = list }, 1, true)
    end
    for field, value in pairs { variable = 5, optional = "yes" } do
      assert.matches("field '" .. field .. "' must be a ", refusal {
        credentials = { { name = "api_key", [field] = value } } }, 1, true)
    end
  end)

  it("raises for a type of an option that does not exist", function()
    assert.matches("option 'team': unknown type 'strng'; did you mean"
      .. " 'string'?", refusal { options = { team = "strng" } }, 1, true)
    assert.matches("unknown type 'nunber'",
      refusal { options = { team = "string nunber" } }, 1, true)
    for _, types in ipairs { "", " ", {}, { 1 }, true } do
      assert.matches("option 'team': its type must be of",
        refusal { options = { team = types } }, 1, true)
    end
  end)

  it("raises where an option or a credential has the name of another",
    function()
      for name, why in pairs { timeout = "every provider",
        endpoint = "every provider", credentials = "every provider",
        provider = "balance.all", endpoint_variable = "a configuration",
        api_key = "a credential" } do
        local message = refusal { options = { [name] = "string" } }
        assert.matches("the name of option '" .. name .. "' is taken", message,
          1, true)
        assert.matches(why, message, 1, true)
      end
      for _, name in ipairs { "timeout", "provider", "endpoint_variable" } do
        assert.matches("the name of credential '" .. name .. "' is taken",
          refusal { credentials = { { name = name } } }, 1, true)
      end
      assert.matches("the name of credential 'k' is taken", refusal {
        credentials = { { name = "k" }, { name = "k" } } }, 1, true)
    end)

  it("does not mind that the table is changed afterwards", function()
    local made = provider { options = { site = { "a", "b" } } }
    balance.register(made)
    made.options.site[1] = "c"
    assert.has_error(function() balance[made.name] { site = "c" } end)
    made.read, made.request, made.endpoint = error, error, "gone"
    made.credentials[1].name = "gone"
    assert.is_table(balance[made.name] { api_key = "k" })
  end)
end)

describe("balance.providers()", function()
  it("has the names, the variables and the units", function()
    local by_name, last = {}, ""
    for _, each in ipairs(balance.providers()) do
      assert.is_true(last < each.name)
      last, by_name[each.name] = each.name, each
    end
    assert.same({ name = "udio", unit = "credit",
      endpoint_variable = "UDIO_ENDPOINT", credentials = { {
        name = "api_key", variables = { "UDIO_API_KEY" }, optional = false,
      } } }, by_name.udio)
    assert.equal("cent", by_name.tencent.unit)
    assert.same({ name = "token", optional = true, variables = {
      "TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSIONTOKEN" } },
      by_name.tencent.credentials[3])
  end)

  it("has those that were added, and cannot be changed by the caller",
    function()
      local name = register()
      local function find()
        for _, each in ipairs(balance.providers()) do
          if each.name == name then
            return each
          end
        end
      end
      find().credentials[1].variables[1] = "changed"
      assert.same({ "OWN_API_KEY" }, find().credentials[1].variables)
    end)
end)
