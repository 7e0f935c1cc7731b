-- SPDX-License-Identifier: MIT
-- examples/providers/, asked of a server that answers as the services'
-- documents do.
local balance = require "balance"
local process = require "support.process"

describe("the provider of examples/providers/", function()
  local server, client
  local names = { "deepseek", "elevenlabs", "openrouter" }

  setup(function()
    local port
    port, server = process.serve "provider_server.lua"
    local settings = { retries = 0 }
    for _, name in ipairs(names) do
      balance.register(dofile("examples/providers/" .. name .. ".lua"))
      settings[name] = { endpoint = "http://127.0.0.1:" .. port }
    end
    client = balance.new(settings)
  end)

  teardown(function() server.stop() end)

  it("has less than 50 lines", function()
    for _, name in ipairs(names) do
      local text = process.read("examples/providers/" .. name .. ".lua")
      assert.is_true(select(2, text:gsub("\n", "")) < 50, name)
    end
  end)

  it("needs nothing but a key in the variable of its head", function()
    for _, name in ipairs(names) do
      local output, status = process.run_lua(([[
        package.path = "examples/providers/?.lua;" .. package.path
        local balance = require "balance"
        balance.register(require "%s")
        print(select(2, balance.%s()))
      ]]):format(name, name))
      assert.equal(0, status, output)
      assert.matches(name .. ": config: no key: give api_key, or set "
        .. name:upper() .. "_API_KEY", output, 1, true)
    end
  end)

  it("reads DeepSeek's balance, of the currency that has money", function()
    local result = assert(client:deepseek { api_key = "key-1-deepseek" })
    assert.equal(110, result.available)
    assert.equal("CNY", result.unit)
    assert.equal("balance_infos[1].total_balance", result.available_from)
    assert.is_nil(result.unexpected)
    result = assert(client:deepseek { api_key = "key-2-deepseek" })
    assert.equal(7.25, result.available)
    assert.equal("USD", result.unit)
    assert.equal("0.00", result.balance_infos[1].total_balance)
    result = assert(client:deepseek { api_key = "key-empty-deepseek" })
    assert.equal(0, result.available)
    assert.is_false(result.is_available)
    local _, err = client:deepseek { api_key = "key-none-deepseek" }
    assert.equal("api", err.kind)
    assert.matches("no balance", err.message)
  end)

  it("reads ElevenLabs' characters", function()
    local result = assert(client:elevenlabs { api_key = "key-1-elevenlabs" })
    assert.equal(18000, result.available)
    assert.equal("character", result.unit)
    assert.equal(1798761600, result.resets_at)
    local _, err = client:elevenlabs { api_key = "key-other-elevenlabs" }
    assert.equal("decode", err.kind)
    assert.matches("read() raised an error", err.message, 1, true)
  end)

  it("reads OpenRouter's credits, and takes 0 and 0 for the wrong key",
    function()
      local result = assert(client:openrouter { api_key = "key-1-openrouter" })
      assert.equal(74.75, result.available)
      assert.equal("USD", result.unit)
      for key, message in pairs {
        ["key-zero-openrouter"] = "wrong sort of key",
        ["key-4-models-openrouter"] = "Only management keys",
      } do
        local _, err = client:openrouter { api_key = key }
        assert.equal("auth", err.kind)
        assert.matches(message, err.message)
        assert.matches("make a management key", err.hint)
      end
    end)

  it("says that a key is wrong, in the service's words", function()
    for name, words in pairs { deepseek = "Authentication Fails",
      elevenlabs = "Invalid API key",
      openrouter = "No auth credentials found" } do
      local _, err = client[name](client, { api_key = "not-a-key" })
      assert.equal("auth", err.kind)
      assert.equal(401, err.status)
      assert.matches(words, err.message)
    end
  end)
end)
