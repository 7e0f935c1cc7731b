-- SPDX-License-Identifier: MIT
--
-- A cached call: when it makes a request, what it does where that fails, what
-- it keeps, and with which stores.
local calls = require "support.cache_calls"
local identities = require "balance.identity"
local kept = require "support.kept"
local memory = require "balance.store.memory"

local call, fail, refuse = calls.call, calls.fail, calls.refuse
local names, pass = calls.names, calls.pass

before_each(calls.begin)
after_each(calls.finish)

describe("a cached call", function()
  it("makes no request within ttl", function()
    local first = call()
    assert.is_nil(first.cached)
    assert.is_nil(first.age)
    assert.equal("refresh", names())
    pass(29)
    local second = call()
    assert.equal(1, calls.requests)
    assert.is_true(second.cached)
    assert.equal(29, second.age)
    assert.is_nil(second.stale)
    assert.equal("cache_hit", calls.events[1].event)
    assert.equal(29, calls.events[1].age)
    second.cached, second.age, second.fetched_at = nil, nil, nil
    assert.same(first, second)
  end)

  it("makes one after it", function()
    call()
    pass(30)
    local result = call()
    assert.equal(2, calls.requests)
    assert.equal(196, result.credits)
    assert.is_nil(result.cached)
    assert.equal("refresh refresh", names())
    pass(1)
    assert.equal(196, call().credits)
  end)

  it("gives each caller a copy to change", function()
    local first = call()
    first.credits, first.raw.data.credits = 0, 0
    local second = call()
    assert.equal(195, second.credits)
    assert.equal(195, second.raw.data.credits)
    second.raw.data = nil
    assert.equal(195, call().raw.data.credits)
  end)

  it("keeps each account, endpoint and option apart", function()
    local config = { api_key = "a", endpoint = { "x", "y" }, site = "cn" }
    local seen = {}
    for _, other in ipairs {
      config,
      { api_key = "b", endpoint = { "x", "y" }, site = "cn" },
      { api_key = "a", endpoint = { "y", "x" }, site = "cn" },
      { api_key = "a", endpoint = "x", site = "cn" },
      { api_key = "a", endpoint = { "x", "y" }, site = "intl" },
      { api_key = "a", endpoint = { "x", "y" } },
      { api_key = "a", endpoint = { "x", "y" }, site = true },
      { api_key = "as2:cn", endpoint = { "x", "y" } },
    } do
      local text = identities.of("udio", other)
      assert.is_nil(seen[text])
      seen[text] = true
    end
    assert.equal(identities.of("udio", config), identities.of("udio", {
      site = "cn", endpoint = { "x", "y" }, api_key = "a",
    }))
    assert.is_nil(seen[identities.of("tencent", config)])
  end)

  it("has a table in the process where there is no store", function()
    calls.settings.store = nil
    assert.is_nil(call().cached)
    assert.is_true(call().cached)
  end)
end)

describe("a refresh that fails", function()
  it("gives the old value while it is younger than stale", function()
    call()
    pass(299)
    local result = call(fail)
    assert.equal(195, result.credits)
    assert.is_true(result.stale)
    assert.is_true(result.cached)
    assert.equal(299, result.age)
    assert.equal("timeout", result.refresh_error.kind)
    assert.equal(tostring(calls.new_failure()), tostring(result.refresh_error))
    assert.equal("refresh refresh stale", names())
    pass(1)
    local none, err = call(fail)
    assert.is_nil(none)
    assert.equal("timeout", err.kind)
  end)
end)

describe("an auth failure", function()
  it("is remembered for 10 seconds, with all its fields", function()
    local _, first = call(refuse)
    pass(9)
    local result, err = call()
    assert.is_nil(result)
    assert.equal(1, calls.requests)
    assert.equal(1, err.retry_after)
    err.retry_after = nil
    assert.same(first, err)
    assert.equal(getmetatable(first), getmetatable(err))
    assert.equal("udio: auth: no answer (code 28, HTTP 503, request r1); wait",
      tostring(err))
    assert.equal("refresh cache_hit", names())
    err.kind = "changed"
    assert.equal("auth", select(2, call()).kind)
    pass(1)
    assert.equal(196, call().credits)
  end)

  it("is remembered for ttl where that is less", function()
    calls.settings.ttl = 2
    call(refuse)
    pass(2)
    assert.is_table(call())
  end)

  it("leaves the old value in its place, and makes no flood", function()
    call()
    pass(31)
    for _ = 1, 5 do
      local result = call(refuse)
      assert.is_true(result.stale)
      assert.equal(195, result.credits)
      assert.equal("auth", result.refresh_error.kind)
      pass(1)
    end
    assert.equal(2, calls.requests)
    pass(300)
    assert.equal("auth", select(2, call(refuse)).kind)
    assert.equal(3, calls.requests)
  end)
end)

describe("what is stored", function()
  -- Through the store, whatever it is.
  local function return_trip(value)
    calls.store:delete(calls.key)
    call(function() return kept.answer(195, value) end)
    local result = call()
    assert.is_true(result.cached)
    return result.value
  end

  it("comes back as it was, every number to its last digit", function()
    for text, value in pairs {
      ["600000561284"] = 600000561284, ["1e14"] = 1e14, ["-7"] = -7,
      ["9007199254740991"] = 9007199254740991, ["776.56"] = 776.56,
      ["0.30000000000000004"] = 0.1 + 0.2, ["5e-324"] = 5e-324,
      ['""'] = "", ['"#1"'] = "#1", ['"a\\u0000b\\n\\"\\\\/"'] = "a\0b\n\"\\/",
      ['"余额"'] = "余额", ["true"] = true, ["false"] = false,
      ['[[1,2.5,"x\\n"],{}]'] = { { 1, 2.5, "x\n" }, {} },
      ['{"#k":{"k":"#v"}}'] = { ["#k"] = { k = "#v" } },
    } do
      local back = return_trip(text)
      assert.same(value, back)
      if math.type and type(value) == "number" then
        assert.equal(math.tointeger(value) and "integer" or "float",
          math.type(back))
      end
    end
  end)

  it("has no secret in it, nor has its key", function()
    local stored = {}
    local set = calls.store.set
    function calls.store.set(self, name, value, exptime)
      stored[#stored + 1] = name .. tostring(value)
      assert.is_true(exptime > 0)
      return set(self, name, value, exptime)
    end
    calls.settings.secrets = { "s3cr3t-key" }
    call()
    pass(31)
    call(refuse)
    -- a service that sends the key back
    pass(31)
    local result = call(function()
      local answer = kept.answer(195, '"Bearer s3cr3t-key"')
      answer.is_telling = true
      return answer
    end)
    assert.equal("Bearer s3cr3t-key", result.value)
    assert.equal("refresh refresh stale refresh cache_error", names())
    assert.is_true(#stored > 2)
    for _, text in ipairs(stored) do
      assert.matches("^balance:udio:" .. ("%x"):rep(64), text)
      assert.is_nil(text:find("s3cr3t", 1, true))
    end
  end)

  it("is not kept where it could not be read again", function()
    local result = call(function()
      return kept.answer(195, '"' .. ("x"):rep(1024 * 1024) .. '"')
    end)
    assert.equal(195, result.credits)
    assert.equal("refresh cache_error", names())
    assert.is_nil(call().cached)
  end)

  it("is gone from the store when it is of no use", function()
    call()
    pass(300)
    assert.is_nil(calls.store:get(calls.key))
  end)

  it("is not taken for younger than it is by a clock that is off", function()
    call()
    pass(-3600)
    assert.is_nil(call().cached)
  end)
end)

describe("a store", function()
  it("that holds garbage does not break a call", function()
    call()
    local good = calls.store:get(calls.key)
    local head = "balance 3 " .. calls.key .. "\n"
    for _, garbage in ipairs {
      "", "x", "{}", "null", "\0", head, "balance 3", good:sub(1, -2),
      good .. "}", (good:gsub("balance 3", "balance 2")), 7, true,
      (good:gsub("balance:udio:%x", "balance:udio:x")), -- somebody else's
      (good:gsub("answer %d+", "answer x")), head .. "answer 1\n{}",
      head .. "failure x {}\n", head .. "failure 1700000000 1 1 1 {}",
      head .. "failure 1700000000 1 1 1 x\n",
    } do
      assert.is_true(calls.store:set(calls.key, garbage))
      calls.events = {}
      local result, err = call()
      assert.is_nil(err)
      assert.is_nil(result.cached)
      assert.matches("^cache_error .*refresh$", names())
      assert.is_true(call().cached)
    end
  end)

  it("that fails does not break a call", function()
    local function returns_nil() return nil, "connection refused" end
    local function raises() error "connection refused" end
    for _, broken in ipairs { returns_nil, raises } do
      for _, methods in ipairs { { "get" }, { "set" }, { "add" },
        { "delete" }, { "get", "set", "add", "delete" } } do
        calls.settings.store = setmetatable({}, { __index = memory.new() })
        for _, method in ipairs(methods) do
          calls.settings.store[method] = broken
        end
        calls.events = {}
        local started = calls.now
        local result, err = call()
        assert.is_nil(err)
        assert.is_nil(result.cached)
        assert.equal(started, calls.now)
        assert.matches("connection refused", (function()
          for _, event in ipairs(calls.events) do
            if event.event == "cache_error" then
              return event.message
            end
          end
        end)())
        assert.matches("auth", tostring(select(2, call(refuse)) or "auth"))
      end
    end
  end)

  it("that is full does not break a call", function()
    calls.settings.store = {
      get = function() return nil, 0 end,
      set = function() return false, "no memory", true end,
      add = function() return false, "no memory", true end,
      delete = function() end,
    }
    for i = 1, 3 do
      assert.equal(194 + i, call().credits)
    end
  end)

  it("may have the flags and evictions of ngx.shared.DICT", function()
    calls.settings.store = {
      get = function(_, name)
        local value = calls.store:get(name)
        return value, value and 0 or nil
      end,
      set = function(_, ...) return calls.store:set(...), nil, true end,
      add = function(_, ...)
        local ok, err = calls.store:add(...)
        return ok, err, false
      end,
      delete = function(_, name) calls.store:delete(name) end,
    }
    call()
    assert.is_true(call().cached)
    assert.equal("refresh cache_hit", names())
  end)
end)
