-- SPDX-License-Identifier: MIT
local balance = require "balance"
local accounts = require("sandbox.accounts").udio
local variant = require("support.variant").call

local function answer(text)
  return variant("udio", { ["X-Sandbox-Answer"] = text })
end

describe("balance.udio()", function()
  it("returns the credits #matrix", function()
    local result, err = balance.udio()
    assert.is_nil(err)
    assert.equal(accounts.main.credits, result.credits)
    assert.equal(accounts.main.used_credits, result.used_credits)
    assert.equal("195", tostring(result.credits))
    assert.equal(result.credits, result.available)
    assert.equal("credits", result.available_from)
    assert.equal("udio", result.provider)
    assert.equal("credit", result.unit)
    assert.is_nil(result.request_id)
  end)

  it("does without used_credits", function()
    local result = balance.udio { api_key = accounts.unused.api_key }
    assert.equal(accounts.unused.credits, result.credits)
    assert.is_nil(result.used_credits)
  end)

  it("takes nothing but text for a request id", function()
    local result = answer('body:{"code":200,"data":{"credits":1,'
      .. '"request_id":7}}')
    assert.equal(1, result.credits)
    assert.is_nil(result.request_id)
    assert.equal(7, result.raw.data.request_id)
  end)

  it("returns nil and an auth failure when the key is refused #matrix",
    function()
      local result, err = balance.udio { api_key = "wrong" }
      assert.is_nil(result)
      assert.equal("auth", err.kind)
      assert.equal(401, err.code)
      assert.equal(401, err.status)
      assert.matches("API key", err.message)
      assert.is_false(err.retryable)
    end)

  it("says so when the key has a Bearer before it", function()
    local _, err = balance.udio { api_key = "Bearer abc" }
    assert.equal("auth", err.kind)
    assert.matches("Bearer", err.hint)
  end)

  it("knows what the service's codes mean", function()
    for code, expected in pairs {
      ["401"] = { "auth", false }, ["402"] = { "api", false },
      ["403"] = { "auth", false }, ["404"] = { "api", false },
      ["429"] = { "rate_limit", true }, ["500"] = { "api", true },
      ["501"] = { "api", false }, ["503"] = { "api", true },
    } do
      local result, err = answer(code)
      assert.is_nil(result)
      assert.equal(expected[1], err.kind, code)
      assert.equal(expected[2], err.retryable, code)
      assert.equal(tonumber(code), err.code)
    end
  end)

  it("lets its code count where the HTTP status is better", function()
    local result, err = answer('body:{"code":403,"message":"no"}')
    assert.is_nil(result)
    assert.equal("auth", err.kind)
    assert.equal(200, err.status)
  end)
end)
