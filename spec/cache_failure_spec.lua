-- SPDX-License-Identifier: MIT
--
-- A refresh that has failed is remembered: who comes meanwhile makes no
-- request, and does not wait. The time passes only where a spec says so.
local calls = require "support.cache_calls"
local core = require "balance.core"
local failure = require "balance.failure"
local memory = require "balance.store.memory"
local records = require "balance.record"
local retry = require "balance.retry"

local call, failing, pass = calls.call, calls.failing, calls.pass
local fail, names = calls.fail, calls.names

before_each(calls.begin)
after_each(calls.finish)

-- How long nobody asks after a failure.
local function pause_after(fetcher)
  local started = calls.now
  call(fetcher)
  assert.equal(1, calls.requests)
  repeat
    pass(0.25)
    call(fetcher)
  until calls.requests > 1
  return calls.now - started
end

-- The times at which a request is made, of those who ask at every step.
local function ask_for(seconds, step, fetcher)
  local times, last = {}, calls.requests
  for i = 0, math.floor(seconds / step) do
    call(fetcher)
    if calls.requests > last then
      last, times[#times + 1] = calls.requests, i * step
    end
    pass(step)
  end
  return times
end

describe("a failed refresh", function()
  it("is the answer at once, with what is left of its time", function()
    local _, first = call(fail)
    assert.is_nil(first.retry_after)
    pass(0.5)
    local result, err = call(fail)
    assert.is_nil(result)
    assert.equal(1, calls.requests)
    assert.equal(1.5, err.retry_after)
    err.retry_after = nil
    assert.same(first, err)
    assert.equal("refresh cache_hit", names())
    pass(1.5)
    assert.equal(196, call().credits)
    assert.is_nil(calls.store:get(calls.key .. ":lock"))
  end)

  it("leaves the old value in its place", function()
    call()
    pass(31)
    assert.equal("timeout", call(fail).refresh_error.kind)
    pass(0.5)
    names()
    for _ = 1, 3 do
      local result = call(fail)
      assert.equal(195, result.credits)
      assert.is_true(result.stale)
      assert.equal(31.5, result.age)
      assert.equal("timeout", result.refresh_error.kind)
      assert.equal(1.5, result.refresh_error.retry_after)
    end
    assert.equal(2, calls.requests)
    assert.equal("stale stale stale", names())
    assert.equal("timeout", (function()
      call(fail)
      return calls.events[1].kind
    end)())
    pass(1.5)
    local new = call()
    assert.equal(197, new.credits)
    assert.is_nil(new.refresh_error)
  end)

  it("is remembered longer with each failure in a row, up to a minute",
    function()
      assert.same({ 0, 2, 6, 14, 30, 62, 122, 182, 242 },
        ask_for(300, 1, fail))
    end)

  it("is not remembered longer than stale, or ttl if that is more", function()
    calls.settings.stale = 5
    assert.same({ 0, 2, 6, 14, 30, 60, 90 }, ask_for(100, 1, fail))
    calls.begin()
    calls.settings.ttl, calls.settings.stale = 1, 5
    assert.same({ 0, 2, 6, 11, 16 }, ask_for(20, 1, fail))
    calls.begin()
    calls.settings.ttl, calls.settings.stale = 0.5, 0
    assert.same({ 0, 0.5, 1 }, ask_for(1.25, 0.25, fail))
  end)

  it("is forgotten with the next answer", function()
    ask_for(20, 1, fail)
    pass(20)
    assert.is_table(call())
    pass(31)
    assert.same({ 0, 2, 6 }, ask_for(10, 1, fail))
  end)

  it("is remembered for a random time, half of it at least", function()
    for random, pause in pairs { [0] = 1, [0.5] = 1.5, [1] = 2 } do
      calls.begin()
      retry.random = function() return random end
      assert.equal(pause, pause_after(fail))
    end
  end)

  it("is remembered until Retry-After is over, whatever comes then",
    function()
      assert.equal(30, pause_after(failing("rate_limit", 30)))
      calls.begin()
      assert.equal(1000, pause_after(failing("http", 1000))) -- over stale
      calls.begin()
      assert.equal(2, pause_after(failing("rate_limit", 1)))
      calls.begin()
      call(failing("rate_limit", 1e9))
      pass(86399)
      assert.equal("rate_limit", select(2, call()).kind)
      pass(1)
      assert.is_table(call())
    end)

  it("of each kind is remembered, but for those of this process alone",
    function()
      for kind in pairs(failure.kinds) do
        calls.begin()
        for _ = 1, 3 do
          assert.equal(kind, select(2, call(failing(kind))).kind)
        end
        assert.equal(records.kinds[kind] and 1 or 3, calls.requests, kind)
      end
      for _, kind in ipairs { "config", "phase", "closed", "resource" } do
        assert.is_nil(records.kinds[kind])
      end
    end)

  it("is not remembered where no request was made", function()
    for _ = 1, 2 do
      call(function()
        calls.requests = calls.requests + 1
        local err = calls.new_failure("rate_limit", 100)
        err.attempts = 0
        return nil, err
      end)
    end
    assert.equal(2, calls.requests)
  end)

  it("does not take the place of an answer that came meanwhile", function()
    local result = call(function()
      call(calls.fetch) -- another's: it does not wait for itself
      return fail()
    end)
    assert.equal(195, result.credits)
    assert.is_true(result.cached)
    assert.is_nil(result.stale)
    assert.equal(2, calls.requests)
    assert.is_true(call().cached)
  end)

  it("does not shorten another's Retry-After", function()
    call(function()
      call(failing("rate_limit", 30))
      return fail()
    end)
    pass(29)
    assert.equal("timeout", select(2, call()).kind)
    assert.equal(2, calls.requests)
  end)

  it("does not lose the old value where the store has lost it", function()
    call()
    pass(31)
    local result = call(function()
      calls.store:delete(calls.key)
      return fail()
    end)
    assert.is_true(result.stale)
    assert.is_true(call(fail).stale)
    assert.equal(2, calls.requests)
  end)

  it("is old, not young, by a clock that is off", function()
    call(fail)
    pass(-3600)
    assert.is_table(call())
  end)

  it("is the answer in each worker", function()
    calls.settings.store = memory.new { now = function() return calls.now end }
    call(fail)
    local text = calls.settings.store:get(calls.key)
    calls.settings.store = memory.new()
    calls.settings.store:set(calls.key, text)
    assert.equal("timeout", select(2, call()).kind)
    assert.equal(1, calls.requests)
  end)
end)

describe("the time for a refresh", function()
  local function given_to(changes)
    for name, value in pairs(changes or {}) do
      calls.settings[name] = value
    end
    local seconds
    call(function(limit)
      seconds = limit
      return calls.fetch()
    end)
    return seconds
  end

  it("is refresh_timeout where there is an old value, else all", function()
    assert.equal(10, given_to())
    pass(31)
    assert.equal(2, given_to())
    pass(31)
    assert.equal(0.5, given_to { refresh_timeout = 0.5 })
    pass(31)
    assert.equal(10, given_to { refresh_timeout = 100 })
    pass(300)
    assert.equal(10, given_to { refresh_timeout = 0.5 })
  end)

  it("is also how long the lock lives, and a second more", function()
    calls.settings.refresh_timeout = 0.5
    local seconds = {}
    local add = calls.store.add
    function calls.store.add(self, name, value, exptime)
      seconds[#seconds + 1] = exptime
      return add(self, name, value, exptime)
    end
    call()
    pass(31)
    call()
    assert.same({ 11, 1.5 }, seconds)
  end)
end)

describe("times of a cache", function()
  it("are as exact as the clock", function()
    calls.settings.ttl, calls.settings.stale = 0.2, 0.5
    call()
    pass(0.19)
    assert.is_true(call().cached)
    pass(0.02)
    assert.is_nil(call().cached)
    pass(0.3)
    assert.equal(0.3, math.floor(call(fail).age * 1000 + 0.5) / 1000)
    assert.equal(3, calls.requests)
    pass(0.21)
    assert.equal("timeout", select(2, call(fail)).kind)
  end)

  it("are those of the system's clock where no other is given", function()
    local first, now, last = os.time(), core.time(), os.time()
    assert.is_true(now > first - 1 and now < last + 2)
    calls.settings.now, calls.settings.store = nil, memory.new()
    calls.settings.ttl, calls.settings.stale = 0.2, 0
    local before = core.time()
    local fetched_at = (call() and call() or {}).fetched_at
    if core.time() - before < 0.2 then -- else the machine was busy
      assert.equal(1, calls.requests)
      assert.is_true(fetched_at % 1 == 0)
    end
    repeat core.sleep(0.01) until core.time() - before > 0.3
    assert.is_nil(call().cached)
  end)

  it("are never so short that a store would take them for none", function()
    calls.settings.ttl, calls.settings.stale = 1e-6, 0
    local set = calls.store.set
    local shortest
    function calls.store.set(self, name, value, exptime)
      shortest = exptime
      return set(self, name, value, exptime)
    end
    call()
    assert.equal(0.001, shortest)
  end)
end)

describe("callers that share a store", function()
  local function with(ttl, stale, limit)
    calls.settings.ttl, calls.settings.stale = ttl, stale
    calls.settings.limit = limit or 10
  end

  it("have the last failure at once, while one of them asks again", function()
    call(fail)
    pass(5)
    local nested
    local _, err = call(function()
      coroutine.wrap(function() nested = select(2, call()) end)()
      return fail()
    end)
    assert.equal("timeout", err.kind)
    assert.equal("timeout", nested.kind)
    assert.is_nil(nested.retry_after)
    assert.equal(2, calls.requests)
  end)

  it("do not have one that is long over", function()
    call(fail)
    pass(2 + 10)
    local nested
    local result = call(function()
      coroutine.wrap(function() nested = call() end)()
      return calls.fetch()
    end)
    assert.equal(197, result.credits)
    assert.equal(196, nested.credits) -- asked for itself
  end)

  it("ask anew where they have more time than the request that timed out",
    function()
      with(30, 300, 0.1)
      call(fail)
      with(30, 300, 0.14)
      assert.equal("timeout", select(2, call()).kind)
      assert.equal(1, calls.requests)
      with(30, 300, 10)
      assert.equal(196, call().credits)
    end)

  it("do not where the service itself said no", function()
    with(30, 300, 0.1)
    call(failing "http")
    with(30, 300, 10)
    assert.equal("http", select(2, call()).kind)
    assert.equal(1, calls.requests)
  end)

  it("keep an old value for who wants it, when another has failed", function()
    call()
    pass(31)
    with(1, 0)
    assert.is_nil((call(fail)))
    with(30, 300)
    local result = call(fail)
    assert.equal(195, result.credits)
    assert.is_true(result.stale)
    assert.equal(2, calls.requests)
  end)

  it("keep a value as long as the one who wants it longest", function()
    call()
    pass(31)
    with(1, 1)
    assert.equal(196, call().credits)
    pass(5)
    with(30, 300)
    assert.equal(196, call().credits)
    assert.equal(2, calls.requests)
    pass(310)
    assert.equal(197, call().credits)
  end)
end)
