-- SPDX-License-Identifier: MIT
--
-- The HMAC of webhooks' signatures, against RFC 4231 and luaossl.
local core = require "balance.core"
local hmac = require "openssl.hmac"

local function bytes_of(hex)
  return (hex:gsub("%x%x", function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

local function base64_of(hex)
  return core.base64(bytes_of(hex))
end

describe("core.hmac", function()
  it("is that of RFC 4231", function()
    for _, case in ipairs {
      { ("\11"):rep(20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b"
        .. "881dc200c9833da726e9376c2e32cff7" },
      { "Jefe", "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
      { ("\170"):rep(20), ("\221"):rep(50), "773ea91e36800e46854db8ebd09181a7"
        .. "2959098b3ef8c122d9635514ced565fe" },
      { ("\170"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key"
        .. " First", "60e431591ee0b67f0d8a26aacbf5b77f"
        .. "8e0bc6213728c5140546040f0ee37f54" },
    } do
      assert.equal(base64_of(case[3]), core.hmac({ case[1] }, { case[2] }))
    end
  end)

  it("puts pieces one after another, and takes empty ones", function()
    for _, case in ipairs { { { "a", "", "b\0c" }, { "d", "e" } },
      { {}, {} }, { { "" }, { "x" } }, { { "key" }, {} } } do
      local expected = hmac.new(table.concat(case[1]), "sha256")
        :final(table.concat(case[2]))
      assert.equal(base64_of((expected:gsub(".", function(byte)
        return ("%02x"):format(byte:byte())
      end))), core.hmac(case[1], case[2]))
    end
  end)

  it("raises what is no list of texts", function()
    for _, arguments in ipairs { { "key", { "text" } }, { { 1 }, {} },
      { { "a" }, { true } }, { { "1", "2", "3", "4", "5" }, {} } } do
      assert.has_error(function()
        core.hmac(arguments[1], arguments[2])
      end)
    end
  end)
end)

describe("core.base64", function()
  it("writes bytes", function()
    for bytes, text in pairs { [""] = "", f = "Zg==", fo = "Zm8=",
      foo = "Zm9v", foob = "Zm9vYg==", ["\0\255\254"] = "AP/+" } do
      assert.equal(text, core.base64(bytes))
    end
    assert.equal(128, #core.base64(("x"):rep(96)))
    assert.has_error(function() core.base64(("x"):rep(97)) end)
  end)
end)
