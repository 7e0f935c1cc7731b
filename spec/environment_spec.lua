-- SPDX-License-Identifier: MIT
local environment = require "balance.environment"
local text = require "balance.text"

describe("a variable of the environment", function()
  local function get(value)
    return environment.get("SPEC", function(name)
      assert.equal("SPEC", name)
      return value
    end)
  end

  it("has no part of what a file of variables leaves around it", function()
    for given, value in pairs {
      ["v"] = "v", ["v\r"] = "v", [" v\t\r\n"] = "v", ["\n\v\f v w "] = "v w",
      ["v\0"] = "v\0", ["\127v"] = "\127v", ["\160v\133"] = "\160v\133",
    } do
      assert.equal(value, get(given))
    end
  end)

  it("is not set where nothing else is in it", function()
    for _, value in ipairs { "", " ", "\r", "\t \r\n" } do
      assert.is_nil(get(value))
    end
    assert.is_nil(get(nil))
    assert.is_nil(environment.get "NO_SUCH_VARIABLE_OF_A_SPEC")
    assert.equal(os.getenv "PATH", environment.get "PATH")
  end)

  it("costs time by its length alone", function()
    local blanks = (" "):rep(65536)
    local started = os.clock()
    assert.equal("", text.trim(blanks))
    assert.equal("v" .. blanks .. "w", text.trim("v" .. blanks .. "w\n"))
    assert.equal("\0" .. blanks .. "\0", text.trim("\0" .. blanks .. "\0"))
    assert.is_true(os.clock() - started < 2)
  end)
end)
