-- SPDX-License-Identifier: MIT
-- A store that somebody else writes to: what is read from it is checked and
-- cleaned like an answer.
local balance = require "balance"
local cache = require "balance.cache"
local core = require "balance.core"
local failure = require "balance.failure"
local json = require "cjson"
local process = require "support.process"

local identity = cache.identity("udio", { api_key = "s3cr3t-key-of-udio" })
local key = "balance:" .. identity
local at = 1700000000

local store, events, requests

-- Not the module's own, in which specs look for secrets.
local function new_store()
  local values = {}
  local mine = {}
  function mine.get(_, name) return values[name] end
  function mine.set(_, name, value) values[name] = value return true end
  function mine.delete(_, name) values[name] = nil return true end
  function mine.add(_, name, value)
    if values[name] then
      return false, "exists"
    end
    values[name] = value
    return true
  end
  return mine
end

local function new_result()
  return {
    provider = "udio", credits = 195, available = 195,
    available_from = "credits", unit = "credit", fetched_at = at,
    raw = { code = 200, data = { credits = 195 } }, attempts = 1,
    timing = { dns = 0, connect = 0.1, tls = 0.2, first_byte = 0.3,
      total = 0.4 },
  }
end

local function new_failure()
  return {
    provider = "udio", kind = "auth", message = "no such key", code = 401,
    status = 401, request_id = "r-1", retryable = false, retry_after = 5,
    hint = "give another", attempts = 1,
  }
end

local function call()
  return cache.call({ store = store, now = function() return at + 1 end,
    secrets = { "s3cr3t-key-of-udio" } }, identity, { sleep = error },
    function()
      requests = requests + 1
      local result = new_result()
      result.credits, result.available = 1, 1
      return result
    end, function(event)
      events[#events + 1] = event.event
    end)
end

local function forge(record)
  record.version, record.key = 1, key
  store:set(key, json.encode(record))
  events, requests = {}, 0
end

-- With one field of a good one changed.
local function forge_result(name, value)
  local result = new_result()
  result[name] = value
  forge { result = result, at = at }
end

local function forge_failure(name, value)
  local failed = new_failure()
  failed[name] = value
  forge { failure = failed, failed_at = at }
end

before_each(function()
  store = new_store()
end)

local function assert_not_ours(what)
  local result, err = call()
  assert.is_nil(err, what)
  assert.equal(1, requests, what)
  assert.equal(1, result.available)
  assert.equal("cache_error", events[1])
end

describe("a result in a store", function()
  it("is returned where it is one", function()
    forge { result = new_result(), at = at }
    local result = call()
    assert.equal(0, requests)
    assert.equal(195, result.available)
    assert.is_true(result.cached)
  end)

  it("is not ours where a field of ours is not what it should be", function()
    for name, values in pairs {
      provider = { json.null, "tencent", 1, {} },
      available = { json.null, "195", {}, true, "#1e999", "#x", "#" },
      available_from = { json.null, 1, {} },
      unit = { json.null, 1, {} },
      request_id = { 1, {}, true },
      fetched_at = { json.null, "now", {}, -1, 1e300, "#1e999" },
      raw = { "x", 1, true },
      attempts = { "1", {}, -1, 1.5, 1e9 },
      timing = { 1, "x", { total = "x" }, { 1, 2 }, { total = {} } },
      clock_offset = { "x", {} },
      unexpected = { "x", 1, { 1 }, { a = "b" } },
      other = { "#", "#1,2", "#[1]", "#1 1", "#" .. ("9"):rep(400),
        "#\"x\"", "#nan" },
    } do
      for _, value in ipairs(values) do
        forge_result(name, value)
        assert_not_ours(("%s: %s"):format(name, json.encode { value }))
      end
    end
  end)

  it("is not ours where its time is none", function()
    for _, value in ipairs { json.null, "x", -1, 1e300, "#1e999", {} } do
      forge { result = new_result(), at = value }
      assert_not_ours(json.encode { value })
    end
  end)

  it("is not ours where nothing or only a part of the record is", function()
    for _, record in ipairs { {}, { result = 1, at = at }, { at = at },
      { result = {}, at = at }, { result = new_result() },
      { result = new_result(), at = at, failure = {}, failed_at = at },
      { result = 1, at = at, failure = new_failure(), failed_at = at } } do
      forge(record)
      assert_not_ours(json.encode(record))
    end
  end)

  it("is not looked into where it is longer than any of ours", function()
    local long = new_result()
    long.note = ("x"):rep(5 * 1024 * 1024)
    forge { result = long, at = at }
    local steps = 0
    debug.sethook(function() steps = steps + 1 end, "", 1000)
    assert_not_ours "too long"
    debug.sethook()
    assert.is_true(steps < 100) -- in thousands
  end)

  it("does not say itself how old it is", function()
    local result = new_result()
    result.cached, result.stale, result.age = false, true, -5
    result.refresh_error = { kind = "auth", message = "x\ny" }
    forge { result = result, at = at }
    result = call()
    assert.is_true(result.cached)
    assert.equal(1, result.age)
    assert.is_nil(result.stale)
    assert.is_nil(result.refresh_error)
  end)

  it("is not written where it could not be read again", function()
    for _, change in ipairs {
      function(result) result.available = nil end,
      function(result) result.available = "195" end,
      function(result) result.provider = "another" end,
      function(result) result.raw = ("x"):rep(5 * 1024 * 1024) end,
      function(result)
        for _ = 1, 30 do
          result.raw = { result.raw }
        end
      end,
    } do
      events = {}
      store = new_store()
      local written = cache.call({ store = store }, identity, {}, function()
        local result = new_result()
        change(result)
        return result
      end, function(event)
        events[#events + 1] = event.event .. ": " .. (event.message or "")
      end)
      assert.is_table(written)
      assert.matches("cache_error: the result cannot be stored", events[2])
      assert.is_nil(store:get(key))
    end
  end)
end)

describe("a failure in a store", function()
  it("is returned where it is one, and nothing else with it", function()
    forge_failure("more", { 1 })
    local result, err = call()
    assert.is_nil(result)
    assert.equal(0, requests)
    assert.is_nil(err.more)
    assert.same(failure.new(new_failure()), err)
  end)

  it("is not ours where a field is not what it should be", function()
    for name, values in pairs {
      provider = { json.null, "tencent", 1, {} },
      kind = { json.null, "timeout", "none", 1, {} },
      message = { 1, {}, true },
      code = { {}, true, "#1e999" },
      status = { "401", {}, 99, 600, 401.5 },
      request_id = { {}, 1, true },
      retryable = { "no", 0, {} },
      retry_after = { "5", -1, 1e6, {} },
      hint = { {}, 1 },
      attempts = { "1", -1, {} },
    } do
      for _, value in ipairs(values) do
        forge_failure(name, value)
        assert_not_ours(("%s: %s"):format(name, json.encode { value }))
      end
    end
  end)

  it("is one short line without control characters and keys", function()
    for _, name in ipairs { "message", "code", "request_id", "hint" } do
      for _, text in ipairs { "a\nb\r\n2026-11-26 root logged in",
        ("x"):rep(1024 * 1024), "the key is s3cr3t-key-of-udio",
        "its end is key-of-udio", ("额"):rep(1000), "\226\128\168x" } do
        forge_failure(name, text)
        local result, err = call()
        assert.is_nil(result)
        assert.equal(0, requests)
        local line = tostring(err)
        assert.is_true(#line < 500)
        assert.is_nil(line:find "%c")
        assert.is_nil(line:find("key-of-udio", 1, true))
        assert.is_nil(line:find("\226\128\168", 1, true))
        assert.is_true(core.is_utf8(line))
      end
    end
  end)

  it("has a message", function()
    for _, message in ipairs { "", "\n", json.null } do
      forge_failure("message", message)
      assert.equal("no message", select(2, call()).message)
    end
  end)
end)

describe("a client with a store that somebody else writes to", function()
  it("returns only what can be an answer, and shows what can be shown",
    function()
      for _, code in ipairs { { 1 }, "a\nb" } do
        local forged = new_failure()
        forged.code = code
        local mine = { set = function() return true end,
          add = function() return true end, delete = function() end }
        function mine.get(_, name)
          return not name:find ":lock$" and json.encode {
            version = 1, key = name, failure = forged,
            failed_at = os.time(),
          } or nil
        end
        local client = balance.new { cache = { store = mine } }
        local result, err = client:udio()
        assert.equal(type(code) == "table" and 195 or nil,
          result and result.credits)
        assert.is_nil(tostring(err):find "%c")
      end
    end)

  it("goes on where an error of it cannot be shown", function()
    local bad = setmetatable({}, { __tostring = function() error "no" end })
    local function fail() error(bad) end
    local client = balance.new { cache = { store = {
      get = fail, set = fail, add = fail, delete = fail } } }
    assert.equal(195, client:udio().credits)
  end)
end)

describe("tostring() of a failure", function()
  it("never raises, whatever somebody has put there", function()
    for _, value in ipairs { {}, true, print, 1.5, ("x"):rep(10),
      setmetatable({}, { __tostring = error, __concat = error }) } do
      for _, name in ipairs { "provider", "kind", "message", "code", "status",
        "request_id", "hint" } do
        local err = failure.new(new_failure())
        err[name] = value
        assert.is_string(tostring(err))
        err[name] = nil
        assert.is_string(tostring(err))
      end
    end
  end)

  it("is one line in a program of its own, too", function()
    local output, status = process.run_lua([[
      local failure = require "balance.failure"
      local err = failure.new { provider = "p", kind = "auth", message = "m" }
      err.code = {}
      print(err)
    ]])
    assert.equal("0 p: auth: m (code a table)\n", status .. " " .. output)
  end)
end)
