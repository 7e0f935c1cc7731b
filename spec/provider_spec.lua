-- SPDX-License-Identifier: MIT
-- What a provider of one's own can ask and read, and that no form of its keys
-- gets into a failure or a store.
local balance = require "balance"
local answers = require "support.answers"
local cjson = require "cjson"
local core = require "balance.core"
local faults = require "support.faults"

local count = 0

local function register(fields)
  count = count + 1
  local made = {
    name = "real" .. count, unit = "credit", endpoint = faults.endpoint(),
    credentials = { { name = "api_key" } },
    request = function() return { path = "/say" } end,
    read = function(_, body) return body end,
  }
  for name, value in pairs(fields) do
    made[name] = value
  end
  balance.register(made)
  return made.name
end

-- A call of such a provider that gets this answer.
local function call(fields, options, body, status, headers)
  faults.choose("say", answers.bytes(body or "{}", status, headers))
  local given = { retries = 0 }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  return balance[register(fields)](given)
end

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

describe("a service that repeats #transport", function()
  local user, password = "someone", "pass/word+of\"someone"
  local coded = "c29tZW9uZTpwYXNzL3dvcmQrb2Yic29tZW9uZQ=="

  -- The failure of a call to a service that says this.
  local function failure(message, request)
    local _, err = call({
      credentials = { { name = "user" }, { name = "password" } },
      request = request,
      read = function(_, body)
        return nil, { kind = "api", message = body.message }
      end,
    }, { user = user, password = password },
      cjson.encode { message = message })
    return err.message
  end

  local function basic()
    return { path = "/say", basic = { user, password } }
  end

  it("Basic authentication shows none of it", function()
    assert.equal("got Basic ***", failure("got Basic " .. coded, basic))
    assert.equal("got ***:***", failure("got " .. user .. ":" .. password,
      basic))
    assert.equal("got Basic ***", failure("got Basic " .. coded, function()
      return { path = "/say", authorization = coded, scheme = "Basic" }
    end))
    -- behind another user, and alone
    assert.equal("got ***=", failure(
      "got cGFzcy93b3JkK29mInNvbWVvbmU=", basic))
  end)

  it("a percent-encoded key of the path or the query shows none of it",
    function()
      local encoded = "pass%2Fword%2Bof%22someone"
      local function in_path(config)
        local key = config.password:gsub("[^%w]", function(c)
          return ("%%%02X"):format(c:byte())
        end)
        return { path = "/say/" .. key .. "?key=" .. key }
      end
      faults.choose "say"
      assert.equal("no /say/***?key=***",
        failure("no /say/" .. encoded .. "?key=" .. encoded, in_path))
      assert.equal("no ***", failure("no " .. encoded:lower(), in_path))
    end)

  it("what was made of a key for the query, a header or the body shows none of"
    .. " it", function()
    local function reversed(config)
      local made = config.password:reverse():gsub("%W", "x")
      return { path = "/say?team=blue-team&sign=" .. made,
        headers = { ["X-Sign"] = "v1 " .. made, ["X-Team"] = "blue-team" },
        body = '{"sign":"' .. made .. '"}' }
    end
    local made = password:reverse():gsub("%W", "x")
    assert.equal("sign *** of blue-team in v1 *** is bad",
      failure("sign " .. made .. " of blue-team in v1 " .. made .. " is bad",
        reversed))
  end)

  it("something else loses no word of it", function()
    local words = "someday a pass, of application/json, is at /say?key=blue"
    assert.equal(words, failure(words, basic))
  end)

  it("a key that request() or hint() has changed for itself shows none of it",
    function()
      local message = "x " .. password
      assert.equal("x ***", failure(message, function(config)
        config.password = config.password:reverse()
        return { path = "/say", authorization = config.password }
      end))
      assert.equal("x ***", failure(message, function(config)
        config.password = nil
        return { path = "/say" }
      end))
    end)

  it("what a request table had that is used again shows none of it",
    function()
      local shared = { path = "/say", headers = {} }
      local function request(config)
        shared.headers["X-Key"] = config.password:reverse()
        return shared
      end
      local words = "no " .. password:reverse()
      assert.equal("no ***", failure(words, request))
    end)

  it("a word of a signed body that is not made of a key shows it", function()
    local function signed(config)
      local key = config.password:gsub("%W", "x")
      return { path = "/say", headers = { ["Content-Type"] = "text/json" },
        body = ('{"key":"%s","account":"acme-production","sig":"%s"}')
          :format(key, key:reverse()) }
    end
    assert.equal('no such account "acme-production"',
      failure('no such account "acme-production"', signed))
    assert.equal('bad "sig":"***"', failure('bad "sig":"'
      .. password:gsub("%W", "x"):reverse() .. '"', signed))
  end)

  it("a name that is made of a key, among the unexpected ones, is hidden",
    function()
      local warnings = {}
      local result = call({
        credentials = { { name = "password" } },
        request = function(config)
          return { path = "/say",
            headers = { ["X-Key"] = config.password:reverse() } }
        end,
        read = function()
          return { left = 1, available_from = "left" }, nil,
            { password:reverse() }
        end,
      }, { password = password, trace = function(event)
        warnings[#warnings + 1] = event.event == "warning" and event.message
          or nil
      end })
      assert.equal(1, result.available)
      assert.same({ "not as the document has it: ***" }, warnings)
    end)

  it("a key of the characters of made-up ones shows none of what it is in",
    function()
      for _, key in ipairs { "XXXX-0000-xxxx", "xx00XXxx00XXxx00" } do
        local _, err = call({
          credentials = { { name = "password" } },
          request = function(config)
            return { path = "/say", headers = { ["X-Sign"] = "v2."
              .. config.password:gsub("%W", "") .. ".end" } }
          end,
          read = function(_, body)
            return nil, { kind = "api", message = body.message }
          end,
        }, { password = key }, cjson.encode {
          message = "bad v2." .. key:gsub("%W", "") .. ".end" })
        assert.equal("bad ***", err.message)
      end
    end)

  it("a key with a shape is asked about with another of that shape", function()
    local key = "abcd1234.efGH-5678"
    local function shaped(config)
      local id, secret = config.password:match "^(%w+)%.(.+)$"
      return { path = "/say/subscription", headers = {
        ["X-Sign"] = id .. secret:reverse() } }
    end
    local _, err = call({
      credentials = { { name = "password" } }, request = shaped,
      read = function(_, body)
        return nil, { kind = "api", message = body.message }
      end,
    }, { password = key }, cjson.encode {
      message = "abcd12348765-HGfe has no subscription" })
    assert.equal("*** has no subscription", err.message)
  end)

  it("all of it hides all of it, where request() minds other keys", function()
    local function picky(config)
      assert(config.password == password, "that is no key")
      return { path = "/say", headers = { ["X-Sign"] = "made-of-a-key" } }
    end
    assert.equal("no ***", failure("no made-of-a-key", picky))
  end)

  it("it in the words of an error shows none of it", function()
    local warnings = {}
    local made = password:reverse():gsub("%W", "x")
    local _, err = call({
      credentials = { { name = "password" } },
      request = function(config)
        return { path = "/say", headers = {
          ["X-Sign"] = config.password:reverse():gsub("%W", "x"),
        } }
      end,
      read = function(_, _, _, text) error("what is " .. text, 0) end,
    }, { password = password, trace = function(event)
      warnings[#warnings + 1] = event.event == "warning" and event.message
        or nil
    end }, made)
    assert.equal("the provider's read() raised an error: what is ***",
      err.message)
    assert.same({ err.message }, warnings)
  end)

  it("a signature in what would be stored is not stored", function()
    local events = {}
    local store = balance.store.memory()
    local result = call({
      credentials = { { name = "password" } },
      request = function(config)
        return { path = "/say",
          headers = { ["X-Sign"] = config.password:reverse() } }
      end,
      read = function(_, body, headers)
        return { left = 1, available_from = "left", note = body.note,
          echo = headers["X-Echo"] }
      end,
    }, { password = "key-of-a-spec", cache = { store = store },
      trace = function(event) events[#events + 1] = event end },
      "{}", 200, "X-Echo: ceps-a-fo-yek\r\n")
    assert.equal("ceps-a-fo-yek", result.echo)
    assert.equal("cache_error", events[#events].event)
    assert.is_nil(next(store.entries))
  end)

  it("a user of one letter leaves every other word as it is", function()
    local _, err = call({
      credentials = { { name = "user" }, { name = "password" } },
      request = function(config)
        return { path = "/say", basic = { config.user, config.password } }
      end,
      read = function(_, body)
        return nil, { kind = "api", message = body.message }
      end,
    }, { user = "a", password = "s3cret-key" },
      cjson.encode { message = "a bad api key, a:s3cret-key" })
    assert.equal("a bad api key, a:***", err.message)
  end)
end)

describe("a Basic value #transport", function()
  it("is made in memory that is wiped", function()
    local transport = core.transport()
    local transfer = assert(transport:start {
      endpoint = faults.endpoint(), path = "/none", timeout = 5,
      connect_timeout = 5, basic = { "someone", "something" },
    })
    assert.equal("has ***", core.clean("has c29tZW9uZTpzb21ldGhpbmc=",
      { transfer }))
    transfer:close()
  end)
end)
