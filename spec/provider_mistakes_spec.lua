-- SPDX-License-Identifier: MIT
-- What a mistake in a function of a provider costs: that one call.
local balance = require "balance"
local own = require "support.own"

local provider, register = own.provider, own.register

-- A call of a provider with these fields: what it returns, and the messages of
-- its warnings.
local function call(fields, options)
  local warnings = {}
  local given = { api_key = "key-of-a-spec", retries = 0,
    trace = function(event)
      if event.event == "warning" then
        warnings[#warnings + 1] = event.message
      end
    end }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  local result, err = balance[register(fields)](given)
  return result, err, warnings
end

describe("a mistake in a provider", function()
  local function assert_mistake(func, words, fields, options)
    local result, err, warnings = call(fields, options)
    assert.is_nil(result)
    local message = ("the provider's %s() %s"):format(func, words)
    assert.equal("decode", err.kind)
    assert.is_false(err.retryable)
    assert.matches(message, err.message, 1, true)
    assert.same({ err.message }, warnings)
    assert.is_nil(err.warning)
  end

  it("in what read() returns is a failure that says so", function()
    for words, values in pairs {
      ["returned a number, not a table"] = { 5 },
      ["returned a boolean, not a table"] = { true },
      ["returned no 'available_from'"] = { { left = 5 } },
      ["returned a 'unit'"] = { { left = 5, available_from = "left",
        unit = 5 } },
      ["returned 'available' and another 'left'"] = { { left = 500,
        available = 5, available_from = "left" } },
      ["returned names for 'unexpected' that are no list"] =
        { { left = 5, available_from = "left" }, nil, "left" },
      ["returned a name for 'unexpected' that is no string"] =
        { { left = 5, available_from = "left" }, nil, { 5 } },
      ["returned nil and a number"] = { nil, 5 },
      ["returned a failure without a kind"] = { nil, {} },
      ["returned a failure of an unknown kind 'timeuot'; did you mean"
        .. " 'timeout'?"] = { nil, { kind = "timeuot" } },
    } do
      assert_mistake("read", words, {
        read = function() return values[1], values[2], values[3] end,
      })
    end
  end)

  it("in what request() returns is a failure that says so", function()
    local unsent = "returned what cannot be sent: field "
    for words, value in pairs {
      ["returned a number, not a table"] = 5,
      ["returned no 'path'"] = {},
      ["returned an unknown field 'bodi'; did you mean 'body'?"] =
        { path = "/", bodi = "x" },
      ["returned a field 'body' that is a table, not a string"] =
        { path = "/", body = {} },
      [unsent .. "'path' must begin with a slash"] =
        { path = "none" },
      [unsent .. "'path' has a control character"] =
        { path = "/a\nb" },
      [unsent .. "'method' must be 'GET' or 'POST'"] =
        { path = "/", method = "PUT" },
      [unsent .. "'headers' must hold strings by name"] =
        { path = "/", headers = { a = 1 } },
      [unsent .. "'basic' must hold a user and a password"] =
        { path = "/", basic = { "user" } },
      [unsent .. "'path' has a blank or a '#'"] =
        { path = "/a\tb" },
      [unsent .. "'headers' must not have 'content-length'"] =
        { path = "/", headers = { ["content-length"] = "5" } },
      [unsent .. "'headers' has a name that is none"] =
        { path = "/", headers = { ["X-A: b"] = "5" } },
      [unsent .. "'headers' has an Authorization of its own"] =
        { path = "/", headers = { authorization = "x" },
          basic = { "user", "password" } },
      [unsent .. "'scheme' goes with 'authorization'"] =
        { path = "/", scheme = "Bearer" },
      [unsent .. "'basic' has a control character"] =
        { path = "/", basic = { "user", "pass\nword" } },
      [unsent .. "'basic' is too long"] =
        { path = "/", basic = { "user", ("p"):rep(40000) } },
      [unsent .. "'basic' goes without 'authorization'"] =
        { path = "/", basic = { "user", "password" }, authorization = "x" },
      [unsent .. "'secret_id' is missing"] =
        { path = "/", tc3 = {} },
      [unsent .. "'headers' has 'Content-Type',"] =
        { path = "/", headers = { ["content-type"] = "text/x" },
          tc3 = { secret_id = "id", secret_key = "key", service = "x" } },
      ["returned 'tc3' beside 'authorization' or 'basic'"] =
        { path = "/", tc3 = {}, authorization = "x" },
    } do
      assert_mistake("request", words, {
        request = function() return value end,
      })
    end
    assert_mistake("request", "returned a nil, not a table", {
      request = function() end,
    })
  end)

  it("is not what came from the caller: a user with a colon", function()
    local _, err = call {
      request = function(config)
        return { path = "/", basic = { config.api_key .. ":", "password" } }
      end,
    }
    assert.equal("config", err.kind)
    assert.equal("the user of HTTP Basic authentication has a colon",
      err.message)
    assert.equal(0, err.attempts)
  end)

  it("in a table that raises, or has no end, is no more than that", function()
    local strict = { __index = function(_, name) error("no " .. name, 0) end,
      __pairs = function() error("no pairs", 0) end }
    assert_mistake("read", "raised an error: no ", {
      read = function()
        return setmetatable({ left = 1, available_from = "x" }, strict)
      end,
    })
    local result = assert(call {
      request = function()
        return setmetatable({ path = "/none",
          headers = setmetatable({ ["X-A"] = "b" }, strict) }, strict)
      end,
    })
    assert.is_number(result.available)
    local endless = {}
    endless.itself = { endless, endless }
    local _, err = call { read = function()
      return nil, { kind = "api", message = "no", code = endless,
        request_id = endless, hint = endless }
    end }
    assert.equal("api", err.kind)
    assert.is_nil(err.code)
    result = assert(call({ read = function(_, body)
      body.data.up, body.data.more = body, { body.data, body }
      return { left = 1, available_from = "left" }
    end }, { cache = { ttl = 1, store = balance.store.memory() } }))
    assert.equal(1, result.available)
  end)

  it("that raises is a failure of that call, with its message", function()
    assert_mistake("read", "raised an error", {
      read = function(_, body) return { left = body.no.such } end,
    })
    assert_mistake("request", "raised an error: no such team", {
      request = function() error("no such team", 0) end,
    })
    assert_mistake("read", "raised an error: one that cannot be shown", {
      read = function()
        error(setmetatable({}, { __tostring = error }))
      end,
    })
  end)

  it("in default_endpoint() is a failure", function()
    for words, func in pairs {
      ["default_endpoint() raised an error: none here"] =
        function() error("none here", 0) end,
      ["default_endpoint() returned a nil"] = function() end,
    } do
      local made = provider { default_endpoint = func }
      made.endpoint = nil
      balance.register(made)
      local _, err = balance[made.name] { api_key = "k" }
      assert.equal("config", err.kind)
      assert.matches(words, err.message, 1, true)
    end
  end)

  it("in what hint() does to its arguments changes nothing", function()
    local _, err = call {
      read = function() return nil, { kind = "api", message = "no" } end,
      hint = function(failure, context)
        failure.kind, failure.message, failure.retry_after = "x", {}, "soon"
        context.config.api_key = nil
        return "look at key-of-a-spec"
      end,
    }
    assert.equal("api", err.kind)
    assert.equal("no", err.message)
    assert.equal("look at ***", err.hint)
  end)

  it("in default_endpoint() shows no key, and changes none", function()
    for _, func in ipairs {
      function(config) return nil, "none for " .. config.api_key end,
      function(config) error("none for " .. config.api_key, 0) end,
      function(config)
        local key = config.api_key
        config.api_key = nil
        return nil, "none for " .. key
      end,
    } do
      local made = provider { default_endpoint = func }
      made.endpoint = nil
      balance.register(made)
      local _, err = balance[made.name] { api_key = "key-of-a-spec" }
      assert.matches("none for ***", err.message, 1, true)
    end
  end)

  it("cannot change what the next call knows", function()
    local seen = {}
    local name = register { options = { filter = "table" },
      request = function(config)
        seen[#seen + 1] = config.filter.n
        config.filter.n, config.api_key = 2, "changed"
        return { path = "/none" }
      end }
    local client = balance.new { [name] = { filter = { n = 1 } } }
    for _ = 1, 2 do
      assert.is_table(client[name](client, { api_key = "key-of-a-spec" }))
    end
    assert.same({ 1, 1 }, seen)
  end)

  it("in hint() costs the hint only, with a warning", function()
    local result, err, warnings = call {
      read = function() return nil, { kind = "api", message = "no" } end,
      hint = function() error("a mistake", 0) end,
    }
    assert.is_nil(result)
    assert.equal("no", err.message)
    assert.same({ "the provider's hint() raised an error: a mistake" },
      warnings)
  end)

  it("costs no other account of balance.all()", function()
    local raising = register { read = function() error "mine" end }
    local wrong = register { request = function() return {} end }
    local right = register()
    local results, failures = balance.all {
      a = { provider = raising, api_key = "k" },
      b = { provider = wrong, api_key = "k" },
      c = { provider = right, api_key = "k" },
    }
    assert.equal("decode", failures.a.kind)
    assert.equal("decode", failures.b.kind)
    assert.is_number(results.c.available)
  end)

  it("shows no key, where the message has one", function()
    local _, err, warnings = call {
      request = function(config) error("bad " .. config.api_key, 0) end,
    }
    assert.equal("the provider's request() raised an error: bad ***",
      err.message)
    assert.same({ err.message }, warnings)
  end)
end)
