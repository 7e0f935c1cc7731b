-- SPDX-License-Identifier: MIT
-- What a provider of one's own can ask and read.
local balance = require "balance"
local answers = require "support.answers"
local faults = require "support.faults"
local own = require "support.own"

local call, register = own.answered, own.register

describe("balance.amount()", function()
  it("reads a number, and a plain decimal number as text", function()
    for value, expected in pairs {
      ["110.00"] = 110, ["0.1"] = 0.1, ["-5"] = -5, ["0"] = 0, [7] = 7,
      [0.25] = 0.25, ["12345.678"] = 12345.678,
    } do
      assert.equal(expected, balance.amount(value))
    end
    if math.type then
      assert.equal("integer", math.type(balance.amount(5.0)))
      assert.equal("integer", math.type(balance.amount "110.00"))
      assert.equal("9007199254740993",
        ("%d"):format(balance.amount "9007199254740993"))
    end
  end)

  it("is nil for anything else, and for what is not finite", function()
    for _, value in ipairs { "", "abc", "1e3", " 5", "0x10", "5.", ".5", "1,5",
      "007", "nan", "inf", "-inf", ("9"):rep(40), 0 / 0, math.huge,
      -math.huge, true, {} } do
      assert.is_nil(balance.amount(value), tostring(value))
    end
    assert.is_nil(balance.amount(nil))
  end)
end)

describe("a provider's read()", function()
  local function reads(...)
    local values = { ... }
    return call({ credentials = {},
      read = function() return values[1], values[2] end }, nil, '{"raw":1}')
  end

  it("may return no balance that is not a finite number", function()
    for _, value in ipairs { 0 / 0, math.huge, -math.huge, "nan", "inf",
      "1e400", "much", true } do
      for _, fields in ipairs { { left = value, available_from = "left" },
        { available = value, available_from = "total - used" } } do
        local result, err = reads(fields)
        assert.is_nil(result)
        assert.equal("decode", err.kind)
        assert.equal("the balance is not a number", err.message)
      end
    end
    local name = register { read = function()
      return { left = tonumber "nan" or 0 / 0, available_from = "left" }
    end }
    local client = balance.new { cache = { ttl = 60 }, retries = 0 }
    for _ = 1, 2 do
      assert.equal("decode", select(2, client[name] { api_key = "k" }).kind)
    end
  end)

  it("may return an amount that was computed, and words for it", function()
    local result = reads { limit = 500, used = 20, available = 480,
      available_from = "limit - used" }
    assert.equal(480, result.available)
    assert.equal("limit - used", result.available_from)
    assert.equal(500, result.limit)
    assert.is_nil(result.unexpected)
    assert.equal(5, reads({ available = "5.00", available_from = "5 / 1" })
      .available)
  end)

  it("may return the unit", function()
    local fields = { left = 1, available_from = "left", unit = "CNY" }
    assert.equal("CNY", reads(fields).unit)
    fields.unit = nil
    assert.equal("credit", reads(fields).unit)
    for _, unit in ipairs { "", ("x"):rep(33), "a\nb", false } do
      fields.unit = unit
      assert.equal("decode", select(2, reads(fields)).kind)
    end
  end)

  it("may refuse an answer in another format, with a hint of its own",
    function()
      local _, err = call({ credentials = {}, read = function()
        return nil, { kind = "auth", message = "bad key",
          hint = "make a new key" }
      end }, nil, "<error>bad key</error>", 401)
      assert.equal("make a new key", err.hint)
      _, err = call({ credentials = {}, read = function()
        return nil, "bad key"
      end }, nil, "<error>bad key</error>", 401)
      assert.is_nil(err.hint)
    end)

  it("may return nil and a message", function()
    local result, err = reads(nil, "oops")
    assert.is_nil(result)
    assert.equal("api", err.kind)
    assert.equal("oops", err.message)
    assert.equal(200, err.status)
  end)

  it("may return nothing, and goes by the status then", function()
    local nothing = { credentials = {}, read = function() end }
    for status, kind in pairs { [200] = "decode", [401] = "auth",
      [429] = "rate_limit", [503] = "http", [404] = "http" } do
      local _, err = call(nothing, nil, '{"error":{"message":"why"}}', status)
      assert.equal(kind, err.kind)
      assert.equal(status, err.status)
      assert.matches("why", err.message)
      assert.equal(status == 503 or status == 429, err.retryable)
    end
    local _, err = call(nothing, nil, "<html>", 401)
    assert.equal("http", err.kind)
  end)

  it("gets the headers, in any case, and the text", function()
    local seen
    local result = call({ credentials = {},
      read = function(status, body, headers, text)
        seen = { status, body, text, headers["X-Left"], headers["x-left"],
          headers["X-None"] or "none", headers[1] or "none" }
        return { left = tonumber(headers["X-LEFT"]), available_from = "left" }
      end }, nil, "left: see header", 200, "x-Left: 42\r\n")
    assert.equal(42, result.available)
    assert.same({ 200, nil, "left: see header", "42", "42", "none", "none" },
      seen)
  end)

  it("gets the same headers where a cache has the answer", function()
    local name = register { credentials = {},
      request = function() return { path = "/say" } end,
      read = function(_, _, headers)
        return { left = balance.amount(headers["X-Left"]),
          available_from = "left" }
      end }
    faults.choose("say", answers.bytes("{}", 200, "X-Left: 42\r\n"))
    local client = balance.new { cache = { ttl = 60 }, retries = 0 }
    assert.equal(42, client[name]().available)
    local kept = client[name]()
    assert.is_true(kept.cached)
    assert.equal(42, kept.available)
  end)

  it("may name many fields that are not as documented, of which 32 are told",
    function()
      local names = {}
      for i = 1, 100 do
        names[i] = "field" .. i
      end
      local result = call { credentials = {}, read = function()
        return { left = 1, available_from = "left" }, nil, names
      end }
      assert.equal(32, #result.unexpected)
    end)

  it("may keep the headers, and look at no more of them", function()
    local kept
    call({ credentials = {}, read = function(_, body, headers)
      kept = headers
      return body
    end }, nil, '{"left":1,"available_from":"left"}', 200, "X-Left: 42\r\n")
    assert.is_nil(kept["X-Left"])
  end)
end)

describe("a provider's request() #transport", function()
  -- The head of the request as it came, and the options of its call.
  local function sent(request, options)
    local head
    local given = { retries = 0 }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    balance[register {
      credentials = options and { { name = "user" }, { name = "password" } }
        or {},
      request = function(config)
        return type(request) == "function" and request(config) or request
      end,
      read = function(_, _, _, text)
        head = text
        return { left = 0, available_from = "left" }
      end,
    }](given)
    return head
  end

  it("chooses the method, with a body or without", function()
    local body = '{"a":1}'
    assert.matches("^GET /echo ", sent { path = "/echo" })
    assert.matches("^POST /echo ", sent { path = "/echo", body = body })
    local head = sent { path = "/echo", method = "GET", body = body }
    assert.matches("^GET /echo ", head)
    assert.matches("Content%-Length: 7\r\n", head)
    head = sent { path = "/echo", method = "POST" }
    assert.matches("^POST /echo ", head)
    assert.matches("Content%-Length: 0\r\n", head)
    assert.matches("^GET /echo ", sent { path = "/echo", method = "GET" })
    assert.matches("^POST /echo ",
      sent { path = "/echo", method = "POST", body = body })
  end)

  it("says nothing of the type of a body that it does not know", function()
    for _, request in ipairs { { path = "/echo", body = "a=b" },
      { path = "/echo", method = "POST" },
      { path = "/echo", method = "GET", body = "x" } } do
      assert.is_nil(sent(request):find "[Cc]ontent%-[Tt]ype")
    end
    assert.matches("\r\nContent%-Type: text/x\r\n", sent { path = "/echo",
      body = "x", headers = { ["Content-Type"] = "text/x" } })
  end)

  it("has its path as it is", function()
    assert.matches("^GET /echo/../%%2e/a/./b ",
      sent { path = "/echo/../%2e/a/./b" })
  end)

  it("names a user and a password", function()
    local function basic(config)
      return { path = "/echo", basic = { config.user, config.password } }
    end
    for _, pair in ipairs {
      { "Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
      { "test", "123\194\163", "dGVzdDoxMjPCow==" }, -- of RFC 7617
      { "a", "b:c", "YTpiOmM=" },
    } do
      assert.matches("\r\nAuthorization: Basic " .. pair[3] .. "\r\n",
        sent(basic, { user = pair[1], password = pair[2] }), 1, true)
    end
  end)
end)
