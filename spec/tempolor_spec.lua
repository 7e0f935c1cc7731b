-- SPDX-License-Identifier: MIT
local balance = require "balance"
local accounts = require("sandbox.accounts").tempolor
local variant = require("support.variant").call

local function answer(text)
  return variant("tempolor", { ["X-Sandbox-Answer"] = text })
end

describe("balance.tempolor()", function()
  it("returns the balance #matrix", function()
    local before = os.time()
    local result, err = balance.tempolor()
    assert.is_nil(err)
    assert.equal(accounts.main.balance, result.balance)
    assert.equal(result.balance, result.available)
    assert.equal("balance", result.available_from)
    assert.equal("tempolor", result.provider)
    assert.equal("credit", result.unit)
    assert.matches("^%x+%-%x+%-%x+%-%x+%-%x+$", result.request_id)
    assert.is_true(result.fetched_at >= before)
    assert.is_true(result.fetched_at <= os.time())
    assert.equal(result.balance, result.raw.data.balance)
  end)

  it("takes a key of its own, and shows whole numbers as such #matrix",
    function()
      local result = balance.tempolor { api_key = accounts.whole.api_key }
      assert.equal("1200", tostring(result.balance))
    end)

  it("returns nil and an auth failure when the key is refused #matrix",
    function()
      local result, err = balance.tempolor { api_key = "Tempo-wrong-3w" }
      assert.is_nil(result)
      assert.equal("auth", err.kind)
      assert.equal(400002, err.code)
      assert.equal(200, err.status)
      assert.equal("tempolor", err.provider)
      assert.is_string(err.message)
      assert.is_string(err.request_id)
      assert.is_false(err.retryable)
      assert.is_nil(err.hint)
    end)

  it("says so when the key has a Bearer before it", function()
    local _, err = balance.tempolor {
      api_key = "Bearer " .. accounts.main.api_key,
    }
    assert.equal("auth", err.kind)
    assert.matches("without 'Bearer '", err.hint)
    assert.is_nil(tostring(err):find(accounts.main.api_key, 1, true))
  end)

  it("knows what the service's codes mean", function()
    for code, expected in pairs {
      ["400001"] = { "api", true }, ["400002"] = { "auth", false },
      ["400003"] = { "api", false }, ["400005"] = { "api", false },
      ["400006"] = { "api", true }, ["400007"] = { "rate_limit", true },
      ["499999"] = { "api", false },
    } do
      local result, err = answer(code)
      assert.is_nil(result)
      assert.equal(expected[1], err.kind, code)
      assert.equal(expected[2], err.retryable, code)
      assert.equal(tonumber(code), err.code)
    end
  end)

  it("lets through what the document does not know", function()
    local result = answer('body:{"status":200000,"request_id":"r","new":1,'
      .. '"data":{"balance":0,"bonus":{"a":[1,2]},"unit":"points"}}')
    assert.equal(0, result.balance)
    assert.equal(0, result.available)
    assert.same({ a = { 1, 2 } }, result.bonus)
    assert.equal("credit", result.unit) -- not the service's
    assert.equal("points", result.raw.data.unit)
    assert.equal(1, result.raw.new)
    assert.equal("r", result.request_id)
  end)
end)
