-- SPDX-License-Identifier: MIT
-- What is kept for the next call, or shared with one that waits, is nobody
-- else's to change, and is not taken for something else.
local balance = require "balance"
local blocking = require "balance.loop.blocking"

-- Registers a provider that asks the sandbox's Udio. `seen` gets each
-- configuration that a request is made of.
local function register(name, fields, seen)
  local provider = {
    name = name, unit = "credit", endpoint = os.getenv "UDIO_ENDPOINT",
    credentials = { { name = "api_key", variable = "UDIO_API_KEY" } },
    request = function(config)
      seen[#seen + 1] = config
      return { path = "/api/v2/credits", authorization = config.api_key,
        scheme = "Bearer" }
    end,
    read = function(_, body)
      return { left = body.data.credits, available_from = "left" }
    end,
  }
  for field, value in pairs(fields) do
    provider[field] = value
  end
  balance.register(provider)
end

describe("what a call shares", function()
  it("is not the timing that a trace hook gets", function()
    local store = balance.store.memory()
    local function trace(event)
      if event.timing then
        event.timing.total, event.timing.dns = "soon", 0 / 0
      end
    end
    local client = balance.new { cache = { store = store }, trace = trace }
    assert.is_number(client.udio().timing.total)
    local result = client.udio()
    assert.is_true(result.cached)
    assert.is_number(result.timing.total)
  end)

  it("is not the timing of who waited for the same", function()
    local store, results = balance.store.memory(), {}
    local client = balance.new { cache = { store = store } }
    local function ask()
      local result = client.udio()
      assert.is_number(result.timing.total)
      result.timing.total, result.raw.data.credits = "changed", 0
      results[#results + 1] = result
    end
    blocking.gather { ask, ask, ask }
    assert.equal(3, #results)
    assert.is_number(client.udio().timing.total)
    assert.equal(195, client.udio().raw.data.credits)
  end)
end)

describe("what is kept for the next call", function()
  it("is not for a number of another type, or zero of another sign", function()
    local seen = {}
    register("typed", { options = { n = "number" } }, seen)
    local client = balance.new { cache = {} }
    local numbers = { 1, 1, 0, 0.5 }
    if math.type then
      numbers = { 1, 1.0, 0, 0.0 }
    end
    for _, number in ipairs(numbers) do
      client.typed { n = number }
    end
    assert.equal(math.type and 4 or 3, #seen)
  end)

  it("is as the environment is now", function()
    local getenv = os.getenv
    local client = balance.new { retries = 0 }
    assert.equal(195, client.udio().credits)
    rawset(os, "getenv", function(name)
      if name == "UDIO_ENDPOINT" then
        return "https://127.0.0.1:1"
      end
      return getenv(name)
    end)
    local _, err = client.udio()
    rawset(os, "getenv", getenv)
    assert.equal("connect", err.kind)
    assert.equal(195, client.udio().credits)
  end)

  it("is not changed by the caller's table", function()
    local client, options = balance.new(), { api_key = "wrong" }
    assert.equal("auth", select(2, client.udio(options)).kind)
    options.api_key = os.getenv "UDIO_API_KEY"
    assert.equal(195, client.udio(options).credits)
    options.api_key = "wrong"
    assert.equal("auth", select(2, client.udio(options)).kind)
  end)

  it("has nothing of what the client's settings say to others", function()
    local seen = {}
    register("curious", { options = { loop = "table string",
      udio = "table", rate_dict = "table" } }, seen)
    local client = balance.new { loop = "blocking",
      udio = { api_key = "a key of udio" } }
    assert.is_table(client.curious())
    assert.is_nil(seen[1].loop)
    assert.is_nil(seen[1].udio)
  end)
end)

describe("a provider's rate", function()
  it("is a number of more than 0", function()
    for rate, message in pairs {
      [true] = "not a boolean", ["20"] = "not a string",
      [0] = "of more than 0", [-1] = "of more than 0",
      [math.huge] = "of more than 0",
    } do
      local ok, err = pcall(register, "rated", { rate = rate }, {})
      assert.is_false(ok)
      assert.matches("field 'rate' must be a number", err, 1, true)
      assert.matches(message, err, 1, true)
    end
  end)
end)

describe("balance.all() without accounts", function()
  it("fails for keys of the settings that are not whole", function()
    local client = balance.new { tencent = { secret_id = "x" } }
    local results, failures = client.all()
    assert.is_nil(results.tencent)
    assert.equal("config", failures.tencent.kind)
  end)
end)
