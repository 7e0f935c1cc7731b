-- SPDX-License-Identifier: MIT
--
-- Many who make the same cached call at once: coroutines of a process, and
-- two workers with one store.
local blocking = require "balance.loop.blocking"
local calls = require "support.cache_calls"
local core = require "balance.core"
local flight = require "balance.flight"

local call, pass = calls.call, calls.pass
local fail, fetch, refuse = calls.fail, calls.fetch, calls.refuse

before_each(calls.begin)
after_each(calls.finish)

describe("many who ask at once in a process", function()
  -- Coroutines of the blocking loop, in real time.
  local function ask_together(count, fetcher)
    flight.now, calls.loop = core.now, blocking
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
    assert.equal(1, calls.requests)
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
    assert.equal(1, calls.requests)
    for i = 1, 5 do
      assert.equal("timeout", errors[i].kind)
      assert.equal(tostring(calls.new_failure()), tostring(errors[i]))
      for j = 1, i - 1 do
        assert.is_false(rawequal(errors[i], errors[j]))
      end
    end
  end)

  it("get the old value at once, but for the one who refreshes it",
    function()
      call()
      pass(31)
      local results = ask_together(5, fail)
      assert.equal(2, calls.requests)
      assert.equal("timeout", results[1].refresh_error.kind)
      for i = 1, 5 do
        assert.is_true(results[i].stale)
        assert.equal(195, results[i].credits)
        assert.is_true(i == 1 or results[i].refresh_error == nil)
      end
    end)

  it("wait for the one who asks where the old value is too old", function()
    call()
    pass(300)
    local results = ask_together(5, fetch)
    assert.equal(2, calls.requests)
    for i = 1, 5 do
      assert.equal(196, results[i].credits)
    end
  end)
end)

describe("two workers with one store", function()
  local modules = { "balance.flight", "balance.refresh", "balance.cache" }
  local first, other, threads

  -- The same modules with a memory of their own.
  local function new_worker()
    local before = {}
    for _, name in ipairs(modules) do
      before[name], package.loaded[name] = package.loaded[name], nil
    end
    local worker = require "balance.cache"
    require("balance.flight").now = function() return calls.now end
    for _, name in ipairs(modules) do
      package.loaded[name] = before[name]
    end
    return worker
  end

  before_each(function()
    first, other, threads = new_worker(), new_worker(), {}
    calls.loop = { sleep = function(seconds)
      local wake = calls.now + seconds
      while calls.now < wake do
        coroutine.yield()
      end
    end }
  end)

  local function run_until(moment)
    while calls.now < moment - 0.001 do
      calls.now = calls.now + 0.01
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
      got.at = calls.now
    end)
    assert(coroutine.resume(threads[#threads]))
    return got
  end

  local function slowly(fetcher, seconds)
    return function(limit)
      calls.loop.sleep(seconds)
      return fetcher(limit)
    end
  end

  it("make one request for a value that is not there yet", function()
    local started = calls.now
    local one = start(first, slowly(fetch, 2))
    local two = start(other, slowly(fetch, 2))
    run_until(started + 3)
    assert.equal(1, calls.requests)
    assert.equal(195, one.result.credits)
    assert.is_nil(one.result.cached)
    assert.equal(195, two.result.credits)
    assert.is_true(two.result.cached)
    assert.is_true(two.at - started < 2.2)
    assert.is_nil(calls.store:get(calls.key .. ":lock"))
  end)

  it("use the old value while one of them refreshes it", function()
    call()
    pass(31)
    local started = calls.now
    local one = start(first, slowly(fetch, 2))
    local two = start(other, slowly(fetch, 2))
    assert.equal(started, two.at)
    assert.is_true(two.result.stale)
    assert.is_nil(two.result.refresh_error)
    assert.equal(195, two.result.credits)
    run_until(started + 3)
    assert.equal(2, calls.requests)
    assert.equal(196, one.result.credits)
  end)

  it("share a failure", function()
    local started = calls.now
    local one = start(first, slowly(fail, 2))
    local two = start(other, slowly(fetch, 2))
    run_until(started + 5)
    assert.equal("timeout", one.err.kind)
    assert.equal("timeout", two.err.kind)
    assert.equal(1, calls.requests)
    assert.is_true(two.at - started < 2.2)
  end)

  it("share what the service thinks of the key", function()
    local started = calls.now
    local one = start(first, slowly(refuse, 1))
    local two = start(other, slowly(refuse, 1))
    run_until(started + 2)
    assert.equal(1, calls.requests)
    assert.equal("auth", one.err.kind)
    assert.equal("auth", two.err.kind)
  end)

  it("do not wait for one that died for more than half of their time",
    function()
      start(first, function() calls.loop.sleep(1e9) end)
      local lost = threads
      threads = {} -- killed, and nobody can know
      local started, given = calls.now, nil
      local two = start(other, function(seconds)
        given = seconds
        return fetch()
      end)
      run_until(started + 6)
      assert.equal(195, two.result.credits)
      assert.near(started + 5, two.at, 0.2)
      assert.near(5, given, 0.2)
      -- the lock is the dead one's still, until its time is over
      assert.is_string(calls.store:get(calls.key .. ":lock"))
      run_until(started + 11.1)
      assert.is_nil(calls.store:get(calls.key .. ":lock"))
      assert.equal(1, #lost)
    end)

  it("do not release a lock that has become the other's", function()
    local started = calls.now
    start(first, slowly(fail, 12)) -- longer than its lock
    run_until(started + 11.5)
    local two = start(other, slowly(fetch, 3))
    run_until(started + 13)
    assert.is_string(calls.store:get(calls.key .. ":lock"))
    run_until(started + 15)
    assert.is_table(two.result)
    assert.is_nil(calls.store:get(calls.key .. ":lock"))
  end)

  it("ask for themselves where they cannot wait", function()
    start(first, slowly(fetch, 2))
    calls.loop = { sleep = error, ready = function() return nil, "phase" end }
    assert.equal(195, call(nil, other).credits)
    assert.equal(1, calls.requests)
  end)
end)
