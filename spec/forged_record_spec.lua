-- SPDX-License-Identifier: MIT
-- A store that somebody else writes to: what is read from it is checked and
-- cleaned like an answer.
local balance = require "balance"
local cache = require "balance.cache"
local core = require "balance.core"
local failure = require "balance.failure"
local json = require "cjson"
local kept = require "support.kept"
local process = require "support.process"

local key = "balance:udio:" .. ("0123456789abcdef"):rep(4)
local at = 1700000000
local at_us = "1700000000000000"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

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

local function new_failure()
  return {
    message = "no such key", code = 401, status = 401, request_id = "r-1",
    retryable = false, kind = "auth", hint = "give another", attempts = 1,
  }
end

local function call(fetch)
  return kept.call(cache, { store = store, now = function() return at + 1 end,
    secrets = { "s3cr3t-key-of-udio" } }, key, { sleep = error },
    fetch or function()
      requests = requests + 1
      return kept.answer(1)
    end, function(event)
      events[#events + 1] = event.event .. ": " .. (event.message or "")
    end)
end

local function forge(...)
  store:set(key, table.concat { "balance 3 ", key, "\n", ... })
  events, requests = {}, 0
end

-- The line of an answer, with one of its numbers changed, and its body.
local function forge_answer(place, value, body)
  local numbers = { at_us, 200, 1, 0, 0, 100000, 200000, 300000, 400000,
    300000000 }
  numbers[place] = value
  forge("answer ", table.concat(numbers, " "), "\n",
    body or kept.answer(195).body)
end

local function forge_failure(name, value)
  local failed = new_failure()
  failed[name] = value
  forge("failure ", at_us, " 10000000 1 10000000 ", json.encode(failed), "\n")
end

before_each(function()
  store = new_store()
end)

local function assert_not_ours(what)
  local result, err = call()
  assert.is_nil(err, what)
  assert.equal(1, requests, what)
  assert.equal(1, result.available, what)
  assert.matches("^cache_error", events[1], what)
end

describe("an answer in a store", function()
  it("is returned where it is one", function()
    forge_answer(1, at_us)
    local result = call()
    assert.equal(0, requests)
    assert.equal(195, result.available)
    assert.is_true(result.cached)
    assert.equal(1, result.age)
    assert.same({ dns = 0, connect = 0.1, tls = 0.2, first_byte = 0.3,
      total = 0.4 }, result.timing)
  end)

  it("is not ours where a number of its line is none, or out of range",
    function()
      local huge = ("9"):rep(400)
      for place, values in ipairs {
        { "x", "", "-1", "1e9", huge, "253402300800000000", "1.5" }, -- when
        { "99", "600", "x", huge }, -- status
        { "x", "-1", "1e9", "1000001", huge }, -- attempts
        { "x", "--1", "86401", "-86401", huge }, -- clock
        { "x", "-1", huge }, { "x", "-1", huge }, { "x", "-1", huge },
        { "x", "-1", huge }, { "x", "-1", huge, "86400000001" }, -- timing
        { "x", "", "-1", huge, "253402300800000000" }, -- for how long
      } do
        for _, value in ipairs(values) do
          forge_answer(place, value)
          assert_not_ours(("%d: %s"):format(place, value))
        end
      end
    end)

  it("is not ours where its provider finds no balance in it", function()
    for _, body in ipairs { "", "x", "{}", "[]", "null", '{"code":200}',
      '{"code":200,"data":{"credits":null}}', '{"code":401,"message":"no"}',
      '{"code":200,"data":{"credits":"x"}}',
      '{"code":200,"data":{"credits":1e999}}',
      kept.answer(195).body .. "}", "\0" .. kept.answer(195).body,
      ("["):rep(30) .. ("]"):rep(30) } do
      forge_answer(1, at_us, body)
      assert_not_ours(body)
    end
    forge_answer(2, 500)
    assert_not_ours "a status of 500"
  end)

  it("is not ours where a part of the record is missing", function()
    for _, record in ipairs { {}, { "answer 1" }, { "answer\n" },
      { "\n" }, { "failure ", at_us, " 1 1 1 {}" },
      { "failure ", at_us, " 1 1 1 {}\nanswer x\n" },
      { "failure ", at_us, " 1 1 1 {}\n", "x" } } do
      forge(unpack(record))
      assert_not_ours(table.concat(record))
    end
  end)

  it("is not looked into where it is longer than any of ours", function()
    forge_answer(1, at_us, ('{"code":200,"data":{"credits":195,"x":"%s"}}')
      :format(("x"):rep(5 * 1024 * 1024)))
    local steps = 0
    debug.sethook(function() steps = steps + 1 end, "", 1000)
    assert_not_ours "too long"
    debug.sethook()
    assert.is_true(steps < 100) -- in thousands
  end)

  it("does not say itself how old it is", function()
    forge_answer(1, at_us, '{"code":200,"data":{"credits":195,"cached":false,'
      .. '"stale":true,"age":-5,"refresh_error":{"kind":"auth"}}}')
    local result = call()
    assert.is_true(result.cached)
    assert.equal(1, result.age)
    assert.is_nil(result.stale)
    assert.is_nil(result.refresh_error)
  end)

  it("is not written where it would not be read again", function()
    events = {}
    assert.is_table(call(function()
      return kept.answer(195, '"' .. ("x"):rep(1024 * 1024) .. '"')
    end))
    assert.matches("cache_error: the result cannot be stored", events[2])
    assert.is_nil(store:get(key))
  end)
end)

describe("the headers of an answer in a store", function()
  local function forge_headers(...)
    local answer = kept.answer(195)
    forge(..., "answer " .. at_us .. " 200 1 0 0 0 0 0 0 0\n" .. answer.body)
  end

  local trips = 0

  -- Through the store; returns those that came back. Each time it is another
  -- answer: what was read last is not read again.
  local function return_trip(headers)
    trips = trips + 1
    local answer = kept.answer(trips)
    answer.headers = headers
    store:delete(key)
    events = {}
    call(function() return answer end)
    local seen
    finally(function() kept.seen = nil end)
    function kept.seen(given) seen = given end
    assert.is_true(call().cached, events[2])
    return seen.headers
  end

  it("come back as they were", function()
    for _, headers in ipairs {
      { date = "Sun, 06 Nov 1994 08:49:37 GMT" },
      { date = "x", ["x-credits"] = "195" },
      { empty = "" }, { ["x-odd"] = "a\nb\r\n\0\255 answer 1\nheader 1 1\n" },
      { long = ("x"):rep(64 * 1024 - 4) },
    } do
      assert.same(headers, return_trip(headers))
    end
    assert.is_nil(return_trip(nil))
    assert.is_nil(return_trip {})
    assert.is_nil(store:get(key):find("header", 1, true))
  end)

  it("are not written where they could not be read again", function()
    for _, headers in ipairs { { long = ("x"):rep(64 * 1024 - 3) },
      { one = ("x"):rep(40000), two = ("x"):rep(40000) },
      { number = 1 }, { "text" }, { table = {} } } do
      local answer = kept.answer(195)
      answer.headers = headers
      events = {}
      store:delete(key)
      assert.equal(195, call(function() return answer end).credits)
      assert.matches("cache_error: the result cannot be stored", events[2])
      assert.is_nil(store:get(key))
    end
  end)

  it("are ours where they are as they should be, and else are not", function()
    forge_headers "header 4 1\ndatex\n"
    assert.equal(195, call().credits)
    assert.equal(0, requests)
    for _, text in ipairs { "header 4 1\ndatex", "header 4 2\ndatex\n",
      "header 4 0\ndatex\n", "header 0 1\nx\n", "header 4 1\nDatex\n",
      "header x 1\ndatex\n", "header -4 1\ndatex\n", "header 4 1 datex\n",
      "header 4 99999\ndatex\n", "header 4\ndate\n",
      "header 1 65536\nx" .. ("x"):rep(65536) .. "\n",
      ("header 1 60000\nx" .. ("x"):rep(60000) .. "\n"):rep(2) } do
      forge_headers(text)
      assert_not_ours(text:sub(1, 40))
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
    local expected = new_failure()
    expected.provider, expected.retry_after = "udio", 9
    assert.same(failure.new(expected), err)
  end)

  it("is not ours where a field is not what it should be", function()
    for name, values in pairs {
      message = { 1, {}, true },
      code = { {}, true },
      status = { "401", {}, 99, 600, 401.5 },
      request_id = { {}, 1, true },
      retryable = { "no", 0, {} },
      kind = { "config", "phase", "closed", "resource", "x", 1, {} },
      hint = { {}, 1 },
      attempts = { "1", -1, {} },
    } do
      for _, value in ipairs(values) do
        forge_failure(name, value)
        assert_not_ours(("%s: %s"):format(name, json.encode { value }))
      end
    end
  end)

  it("is not ours where a number of its line is none, or out of range",
    function()
      local failed = json.encode(new_failure())
      for place, values in ipairs {
        { "x", "", "-1", "253402300800000000", "1.5" }, -- when
        { "x", "-1", "86400000001", ("9"):rep(400) }, -- how long
        { "x", "-1", "1000001" }, -- how many
        { "x", "", "-1", "86400000001" }, -- how much time there was
      } do
        for _, value in ipairs(values) do
          local numbers = { at_us, 10000000, 1, 10000000 }
          numbers[place] = value
          forge("failure ", table.concat(numbers, " "), " ", failed, "\n")
          assert_not_ours(("%d: %s"):format(place, value))
        end
      end
    end)

  it("is not looked into where it is longer than any of ours", function()
    forge_failure("message", ("x"):rep(2 * 1024 * 1024))
    assert_not_ours "too long"
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
        assert.is_number(core.json_size(line)) -- UTF-8
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
        local line = ("failure %d000000 10000000 1 10000000 %s\n"):format(
          os.time(), json.encode(forged))
        local mine = { set = function() return true end,
          add = function() return true end, delete = function() end }
        function mine.get(_, name)
          return not name:find ":lock$"
            and "balance 3 " .. name .. "\n" .. line or nil
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
        local err = failure.of_call("udio", { kind = "auth" }, {})
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
