-- SPDX-License-Identifier: MIT
local accounts = require "sandbox.accounts"
local balance = require "balance"

local main = accounts.tencent.bench

describe("the hint of a refused key that cannot be one", function()
  local quotes = " has quotes around it, which are no part of a key"
  local blank = " has a blank inside, which no key has"
  local other = " has a character that is not ASCII, which no key has"

  local function hint_of(name, options)
    local result, err = balance[name](options)
    assert.is_nil(result)
    assert.equal("auth", err.kind)
    return err.hint
  end

  it("says so, for each service", function()
    for _, name in ipairs { "udio", "tempolor" } do
      for key, hint in pairs {
        ['"a-key"'] = quotes, ["'a-key'"] = quotes, ['a-key"'] = quotes,
        ["a-key a-key"] = blank, ["\226\128\156a-key\226\128\157"] = other,
        ["a-key\194\160"] = other, ['Bearer "a-key"'] = quotes,
      } do
        assert.equal("api_key" .. hint, hint_of(name, { api_key = key }))
      end
    end
  end)

  it("is about what is odd, instead of the site", function()
    local id, key = main.secret_id, main.secret_key
    for _, case in ipairs {
      { '"' .. id .. '"', key, "secret_id" .. quotes },
      { id:sub(1, 9) .. " " .. id:sub(10), key, "secret_id" .. blank },
      { "\239\187\191" .. id, key, "secret_id" .. other },
      { id, "'" .. key .. "'", "secret_key" .. quotes },
      { id, key .. "\255", "secret_key" .. other },
    } do
      assert.equal(case[3], hint_of("tencent",
        { secret_id = case[1], secret_key = case[2] }))
    end
    assert.equal("token" .. quotes, hint_of("tencent",
      { secret_id = id, secret_key = key, token = '"a-token"' }))
  end)

  it("is the service's, where nothing is odd", function()
    assert.matches("this site does not know the key", hint_of("tencent",
      { secret_id = "AKIDunknown", secret_key = "x" }), 1, true)
    assert.matches("Bearer", hint_of("tempolor",
      { api_key = "Bearer a-key" }), 1, true)
    assert.is_nil(hint_of("udio", { api_key = "a-key" }))
  end)
end)
