-- SPDX-License-Identifier: MIT
-- That no form of the keys of a provider of one's own, nor what its request()
-- made of them, gets into a failure, an event or a store.
local balance = require "balance"
local cjson = require "cjson"
local core = require "balance.core"
local faults = require "support.faults"
local call = require("support.own").answered

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
