-- SPDX-License-Identifier: MIT
local blocking = require "balance.loop.blocking"
local cache = require "balance.cache"
local core = require "balance.core"
local failure = require "balance.failure"
local flight = require "balance.flight"
local identities = require "balance.identity"
local kept = require "support.kept"
local memory = require "balance.store.memory"
local nginx = require "support.nginx"

local identity = identities.of("udio", {
  api_key = "s3cr3t-key", endpoint = "https://example.com",
})
local key = "balance:" .. identity

-- Time passes only where somebody sleeps or a spec says so.
local now, loop, store, settings, events, requests

local function new_failure(kind)
  return failure.new {
    provider = "udio", kind = kind or "timeout", message = "no answer",
    code = 28, status = 503, request_id = "r1", hint = "wait",
  }
end

local function fetch()
  requests = requests + 1
  return kept.answer(194 + requests)
end

local function fail()
  requests = requests + 1
  return nil, new_failure()
end

local function refuse()
  requests = requests + 1
  return nil, new_failure "auth"
end

local function call(fetcher, from)
  return kept.call(from or cache, settings, key, loop, fetcher or fetch,
    function(event) events[#events + 1] = event end)
end

local function names()
  local list = {}
  for i, event in ipairs(events) do
    list[i] = event.event
  end
  events = {}
  return table.concat(list, " ")
end

local function pass(seconds)
  now = now + seconds
end

before_each(function()
  now, events, requests = 1700000000, {}, 0
  local function clock() return now end
  flight.now = clock
  loop = { sleep = pass }
  store = memory.new { now = clock }
  settings = { ttl = 30, stale = 300, store = store, now = clock, limit = 10 }
end)

after_each(function()
  flight.now = core.now
end)

describe("a cached call", function()
  it("makes no request within ttl", function()
    local first = call()
    assert.is_nil(first.cached)
    assert.is_nil(first.age)
    assert.equal("refresh", names())
    pass(29)
    local second = call()
    assert.equal(1, requests)
    assert.is_true(second.cached)
    assert.equal(29, second.age)
    assert.is_nil(second.stale)
    assert.equal("cache_hit", events[1].event)
    assert.equal(29, events[1].age)
    second.cached, second.age, second.fetched_at = nil, nil, nil
    assert.same(first, second)
  end)

  it("makes one after it", function()
    call()
    pass(30)
    local result = call()
    assert.equal(2, requests)
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
    settings.store = nil
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
    assert.equal(tostring(new_failure()), tostring(result.refresh_error))
    assert.equal("refresh refresh stale", names())
    pass(1)
    local none, err = call(fail)
    assert.is_nil(none)
    assert.equal("timeout", err.kind)
  end)

  it("is asked again, and a good answer takes its place", function()
    call()
    pass(31)
    for _ = 1, 3 do
      assert.is_true(call(fail).stale)
    end
    assert.equal(4, requests)
    local result = call()
    assert.is_nil(result.stale)
    assert.is_nil(result.refresh_error)
  end)

  it("is returned where there is no old value, and not remembered", function()
    for i = 1, 3 do
      local result, err = call(fail)
      assert.is_nil(result)
      assert.equal("timeout", err.kind)
      assert.equal(i, requests)
    end
    assert.is_nil(store:get(key .. ":lock"))
  end)
end)

describe("an auth failure", function()
  it("is remembered for 10 seconds, with all its fields", function()
    local _, first = call(refuse)
    pass(9)
    local result, err = call()
    assert.is_nil(result)
    assert.equal(1, requests)
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

  it("is never remembered longer than ttl", function()
    settings.ttl = 2
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
    assert.equal(2, requests)
    pass(300)
    assert.equal("auth", select(2, call(refuse)).kind)
    assert.equal(3, requests)
  end)
end)

describe("what is stored", function()
  -- Through the store, whatever it is.
  local function return_trip(value)
    store:delete(key)
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
    local set = store.set
    function store.set(self, name, value, exptime)
      stored[#stored + 1] = name .. tostring(value)
      assert.is_true(exptime > 0)
      return set(self, name, value, exptime)
    end
    settings.secrets = { "s3cr3t-key" }
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
    assert.is_nil(store:get(key))
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
    local good = store:get(key)
    local head = "balance 2 " .. key .. "\n"
    for _, garbage in ipairs {
      "", "x", "{}", "null", "\0", head, "balance 2", good:sub(1, -2),
      good .. "}", (good:gsub("balance 2", "balance 3")), 7, true,
      (good:gsub("balance:udio:%x", "balance:udio:x")), -- somebody else's
      (good:gsub("answer %d+", "answer x")), head .. "answer 1\n{}",
      head .. "failure x {}\n", head .. "failure 1700000000 {}",
      head .. "failure 1700000000 x\n",
    } do
      assert.is_true(store:set(key, garbage))
      events = {}
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
        settings.store = setmetatable({}, { __index = memory.new() })
        for _, method in ipairs(methods) do
          settings.store[method] = broken
        end
        events = {}
        local started = now
        local result, err = call()
        assert.is_nil(err)
        assert.is_nil(result.cached)
        assert.equal(started, now)
        assert.matches("connection refused", (function()
          for _, event in ipairs(events) do
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
    settings.store = {
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
    settings.store = {
      get = function(_, name)
        local value = store:get(name)
        return value, value and 0 or nil
      end,
      set = function(_, ...) return store:set(...), nil, true end,
      add = function(_, ...)
        local ok, err = store:add(...)
        return ok, err, false
      end,
      delete = function(_, name) store:delete(name) end,
    }
    call()
    assert.is_true(call().cached)
    assert.equal("refresh cache_hit", names())
  end)
end)

describe("many who ask at once in a process", function()
  -- Coroutines of the blocking loop, in real time.
  local function ask_together(count, fetcher)
    flight.now, loop = core.now, blocking
    local results, errors, functions = {}, {}, {}
    for i = 1, count do
      functions[i] = function()
        results[i], errors[i] = call(function(seconds)
          blocking.sleep(0.02)
          return fetcher(seconds)
        end)
      end
    end
    blocking.gather(functions)
    return results, errors
  end

  it("make one request", function()
    local results = ask_together(20, fetch)
    assert.equal(1, requests)
    local cached = 0
    for i = 1, 20 do
      assert.equal(195, results[i].credits)
      cached = cached + (results[i].cached and 1 or 0)
      for j = 1, i - 1 do
        assert.is_false(rawequal(results[i], results[j]))
        assert.is_false(rawequal(results[i].raw, results[j].raw))
      end
    end
    assert.equal(19, cached)
  end)

  it("share a failure, each with one of its own", function()
    local _, errors = ask_together(5, fail)
    assert.equal(1, requests)
    for i = 1, 5 do
      assert.equal("timeout", errors[i].kind)
      assert.equal(tostring(new_failure()), tostring(errors[i]))
      for j = 1, i - 1 do
        assert.is_false(rawequal(errors[i], errors[j]))
      end
    end
  end)

  it("share an old value when the refresh fails", function()
    call()
    pass(31)
    local results = ask_together(5, fail)
    assert.equal(2, requests)
    for i = 1, 5 do
      assert.is_true(results[i].stale)
      assert.equal("timeout", results[i].refresh_error.kind)
    end
  end)
end)

describe("two workers with one store", function()
  local modules = { "balance.flight", "balance.cache" }
  local first, other, threads

  -- The same modules with a memory of their own.
  local function new_worker()
    local before = {}
    for _, name in ipairs(modules) do
      before[name], package.loaded[name] = package.loaded[name], nil
    end
    local worker = require "balance.cache"
    require("balance.flight").now = function() return now end
    for _, name in ipairs(modules) do
      package.loaded[name] = before[name]
    end
    return worker
  end

  before_each(function()
    first, other, threads = new_worker(), new_worker(), {}
    loop = { sleep = function(seconds)
      local wake = now + seconds
      while now < wake do
        coroutine.yield()
      end
    end }
  end)

  local function run_until(moment)
    while now < moment - 0.001 do
      now = now + 0.01
      for _, thread in ipairs(threads) do
        if coroutine.status(thread) == "suspended" then
          assert(coroutine.resume(thread))
        end
      end
    end
  end

  -- Returns what it will have got, and when.
  local function start(worker, fetcher)
    local got = {}
    threads[#threads + 1] = coroutine.create(function()
      got.result, got.err = call(fetcher, worker)
      got.at = now
    end)
    assert(coroutine.resume(threads[#threads]))
    return got
  end

  local function slowly(fetcher, seconds)
    return function(limit)
      loop.sleep(seconds)
      return fetcher(limit)
    end
  end

  it("make one request for a value that is not there yet", function()
    local started = now
    local one = start(first, slowly(fetch, 2))
    local two = start(other, slowly(fetch, 2))
    run_until(started + 3)
    assert.equal(1, requests)
    assert.equal(195, one.result.credits)
    assert.is_nil(one.result.cached)
    assert.equal(195, two.result.credits)
    assert.is_true(two.result.cached)
    assert.is_true(two.at - started < 2.2)
    assert.is_nil(store:get(key .. ":lock"))
  end)

  it("use the old value while one of them refreshes it", function()
    call()
    pass(31)
    local started = now
    local one = start(first, slowly(fetch, 2))
    local two = start(other, slowly(fetch, 2))
    assert.equal(started, two.at)
    assert.is_true(two.result.stale)
    assert.is_nil(two.result.refresh_error)
    assert.equal(195, two.result.credits)
    run_until(started + 3)
    assert.equal(2, requests)
    assert.equal(196, one.result.credits)
  end)

  it("take turns when a request fails", function()
    local started = now
    local one = start(first, slowly(fail, 2))
    local two = start(other, slowly(fetch, 2))
    run_until(started + 5)
    assert.equal("timeout", one.err.kind)
    assert.is_nil(two.result.cached)
    assert.equal(2, requests)
    assert.is_true(two.at - started < 4.2)
  end)

  it("share what the service thinks of the key", function()
    local started = now
    local one = start(first, slowly(refuse, 1))
    local two = start(other, slowly(refuse, 1))
    run_until(started + 2)
    assert.equal(1, requests)
    assert.equal("auth", one.err.kind)
    assert.equal("auth", two.err.kind)
  end)

  it("do not wait for one that died for more than half of their time",
    function()
      start(first, function() loop.sleep(1e9) end)
      local lost = threads
      threads = {} -- killed, and nobody can know
      local started, given = now, nil
      local two = start(other, function(seconds)
        given = seconds
        return fetch()
      end)
      run_until(started + 6)
      assert.equal(195, two.result.credits)
      assert.near(started + 5, two.at, 0.2)
      assert.near(5, given, 0.2)
      -- the lock is the dead one's still, until its time is over
      assert.is_string(store:get(key .. ":lock"))
      run_until(started + 11.1)
      assert.is_nil(store:get(key .. ":lock"))
      assert.equal(1, #lost)
    end)

  it("do not release a lock that has become the other's", function()
    local started = now
    start(first, slowly(fail, 12)) -- longer than its lock
    run_until(started + 11.5)
    local two = start(other, slowly(fetch, 3))
    run_until(started + 13)
    assert.is_string(store:get(key .. ":lock"))
    run_until(started + 15)
    assert.is_table(two.result)
    assert.is_nil(store:get(key .. ":lock"))
  end)

  it("ask for themselves where they cannot wait", function()
    start(first, slowly(fetch, 2))
    loop = { sleep = error, ready = function() return nil, "phase" end }
    assert.equal(195, call(nil, other).credits)
    assert.equal(1, requests)
  end)
end)

describe("a cache and a limiter that nginx's workers share #nginx", function()
  local server

  setup(function()
    server = nginx.start {
      http = "lua_shared_dict balance 1m;",
      server = "chunked_transfer_encoding off;",
      locations = {
        ["= /cached"] = [[
          local kept = require "support.kept"
          local result, err = kept.call(require "balance.cache",
            { store = ngx.shared.balance },
            "balance:udio:" .. ngx.var.arg_account,
            require "balance.loop.nginx", function()
              ngx.shared.notes:incr("requests_" .. ngx.var.arg_account, 1, 0)
              ngx.sleep(0.3)
              if ngx.var.arg_refused then
                return nil, require "balance.failure".new {
                  provider = "udio", kind = "auth", message = "no",
                }
              end
              return kept.answer(195)
            end,
            function(event)
              if event.event == "cache_error" then
                ngx.log(ngx.ERR, event.message)
              end
            end)
          ngx.print(err and err.kind or result.credits, " ", ngx.worker.pid())
        ]],
        ["= /killed"] = [[
          local kept = require "support.kept"
          local function call(limit)
            return kept.call(require "balance.cache",
              { store = ngx.shared.balance, limit = limit },
              "balance:udio:killed", require "balance.loop.nginx", function()
                ngx.sleep(limit)
                return kept.answer(limit)
              end)
          end
          local thread = ngx.thread.spawn(call, 0.4)
          ngx.sleep(0.01)
          ngx.thread.kill(thread)
          ngx.print(call(0.2).credits)
        ]],
        ["= /limited"] = [[
          local limiter = require "balance.limiter"
          local shared, taken = ngx.shared.balance, nil
          local waited = limiter.wait({ rate = 20, dict = {
            incr = function(_, ...) return shared:incr(...) end,
            get = function(_, ...) return shared:get(...) end,
            set = function(_, key, time, ...)
              taken = time
              return shared:set(key, time, ...)
            end,
          } }, ngx.var.arg_account, require "balance.loop.nginx")
          ngx.print(waited, " ", ("%.6f"):format(taken), " ",
            ngx.worker.pid())
        ]],
      },
    }
  end)

  teardown(nginx.finish)

  -- Both workers should have had a part in it; the kernel deals them out.
  local function get_many(count, path)
    local list, pids = {}, {}
    for i, body in ipairs(server:get_many(count, path)) do
      local words = {}
      for word in body:gmatch "%S+" do
        words[#words + 1] = word
      end
      list[i], pids[words[#words]] = words, true
    end
    local _, first = next(pids)
    return list, first and next(pids, (next(pids))) ~= nil
  end

  local function ask_both(path, name)
    for i = 1, 10 do
      local account = name .. i
      local list, both = get_many(40, path .. "account=" .. account)
      if both then
        return list, account
      end
    end
    error "nginx used one of its workers only"
  end

  it("make one request for all", function()
    local list, account = ask_both("/cached?", "good")
    for _, words in ipairs(list) do
      assert.equal("195", words[1])
    end
    assert.equal("1", server:note("requests_" .. account))
  end)

  it("make one request for all with a key that is refused", function()
    local list, account = ask_both("/cached?refused=1&", "refused")
    for _, words in ipairs(list) do
      assert.equal("auth", words[1])
    end
    assert.equal("1", server:note("requests_" .. account))
  end)

  it("go on where a light thread was killed", function()
    assert.equal("0.2", (server:get "/killed"))
  end)

  it("let 20 requests go in a second", function()
    local list = ask_both("/limited?", "busy")
    local times, at_once = {}, 0
    for i, words in ipairs(list) do
      times[i] = tonumber(words[2])
      at_once = at_once + (tonumber(words[1]) == 0 and 1 or 0)
    end
    assert.is_true(at_once >= 20, at_once)
    table.sort(times)
    for i = 1, #times - 20 do
      assert.is_true(times[i + 20] - times[i] > 0.999)
    end
  end)
end)
