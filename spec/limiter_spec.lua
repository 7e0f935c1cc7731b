-- SPDX-License-Identifier: MIT
local limiter = require "balance.limiter"

-- A clock that only sleeping moves.
local function new_time()
  local time = { now = 100 }
  function time.clock() return time.now end
  time.loop = {
    sleep = function(seconds)
      assert(seconds > 0)
      time.now = time.now + seconds
    end,
  }
  return time
end

-- As much of ngx.shared.DICT as the limiter uses.
local function new_dict()
  local dict = { values = {} }
  function dict.incr(_, key, by, init)
    dict.values[key] = (dict.values[key] or init) + by
    return dict.values[key]
  end
  function dict.get(_, key) return dict.values[key] end
  function dict.set(_, key, value, exptime)
    assert(exptime > 0)
    dict.values[key] = value
    return true
  end
  return dict
end

-- Most requests in any `period`.
local function densest(times, period)
  table.sort(times)
  local most = 0
  for i, first in ipairs(times) do
    local count = 0
    for j = i, #times do
      -- a little less: sums of floats
      count = count + (times[j] - first < period - 1e-6 and 1 or 0)
    end
    most = math.max(most, count)
  end
  return most
end

local count = 0

local function new_key()
  count = count + 1
  return "key" .. count
end

local function is_a_limit(new_settings)
  local time, settings, key

  before_each(function()
    time, key = new_time(), new_key()
    settings = new_settings()
    settings.rate, settings.now = 20, time.clock
  end)

  local function wait()
    return limiter.wait(settings, key, time.loop)
  end

  it("lets 20 requests go at once, and the next a second later", function()
    for _ = 1, 20 do
      assert.equal(0, wait())
    end
    assert.equal(100, time.now)
    assert.near(1, wait(), 1e-6)
    assert.near(101, time.now, 1e-6)
  end)

  it("never lets more than 20 go in any one second", function()
    local times, random = {}, 7
    for _ = 1, 500 do
      wait()
      times[#times + 1] = time.now
      random = random * 16807 % 2147483647
      if random % 30 == 0 then
        time.now = time.now + random % 1000 / 800
      end
    end
    assert.equal(20, densest(times, 1))
    assert.is_true(time.now - 100 < 500 / 20 + 40)
  end)

  it("counts each key by itself", function()
    for _ = 1, 20 do
      wait()
    end
    assert.equal(0, limiter.wait(settings, new_key(), time.loop))
  end)

  it("has the rate that it is told", function()
    settings.rate = 0.5
    assert.equal(0, wait())
    assert.near(2, wait(), 1e-6)
    settings.rate, key = 2.5, new_key()
    assert.equal(0, wait())
    assert.equal(0, wait())
    assert.near(0.8, wait(), 1e-6)
  end)

  it("says how long it would be, rather than wait too long", function()
    settings.limit = 0.5
    for _ = 1, 20 do
      assert.equal(0, wait())
    end
    local waited, seconds = wait()
    assert.is_nil(waited)
    assert.near(1, seconds, 1e-6)
    time.now = time.now + 0.6
    assert.near(0.4, wait(), 1e-6) -- the refused one took no token
  end)
end

describe("balance.limiter in a process", function()
  is_a_limit(function() return {} end)

  it("does not limit where the rate is false", function()
    for _ = 1, 1000 do
      assert.equal(0, limiter.wait({ rate = false }, "key", {}))
    end
  end)

  it("waits on when it is woken early", function()
    local time, key = new_time(), new_key()
    local settings = { rate = 1, now = time.clock }
    limiter.wait(settings, key, time.loop)
    local loop = { sleep = function(seconds)
      time.now = time.now + math.max(seconds / 3, 0.01)
    end }
    assert.is_true(limiter.wait(settings, key, loop) >= 1)
  end)

  it("gives those who wait side by side turns of their own", function()
    local time, key, threads, times = new_time(), new_key(), {}, {}
    local loop = { sleep = function(seconds)
      local wake = time.now + seconds
      while time.now < wake do
        coroutine.yield()
      end
    end }
    for i = 1, 50 do
      threads[i] = coroutine.create(function()
        limiter.wait({ rate = 20, now = time.clock }, key, loop)
        times[#times + 1] = time.now
      end)
    end
    for _ = 1, 300 do
      for _, thread in ipairs(threads) do
        if coroutine.status(thread) ~= "dead" then
          assert(coroutine.resume(thread))
        end
      end
      time.now = time.now + 0.01
    end
    assert.equal(50, #times)
    assert.equal(20, densest(times, 1))
    assert.is_true(times[50] - times[1] < 2.1)
  end)

  it("does not keep idle keys for ever", function()
    local max_keys = limiter.max_keys
    finally(function() limiter.max_keys = max_keys end)
    limiter.max_keys = 10
    local time = new_time()
    collectgarbage()
    local before = collectgarbage "count"
    for _ = 1, 20000 do
      limiter.wait({ rate = 20, now = time.clock }, new_key(), time.loop)
      time.now = time.now + 1
    end
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 500) -- KiB
  end)
end)

describe("balance.limiter in a shared dict", function()
  is_a_limit(function() return { dict = new_dict() } end)

  it("counts the requests of all workers together", function()
    local dict, time, key = new_dict(), new_time(), new_key()
    package.loaded["balance.limiter"] = nil
    local another = require "balance.limiter"
    package.loaded["balance.limiter"] = limiter
    local settings = { rate = 20, dict = dict, now = time.clock }
    for _ = 1, 10 do
      assert.equal(0, limiter.wait(settings, key, time.loop))
      assert.equal(0, another.wait(settings, key, time.loop))
    end
    assert.near(1, another.wait(settings, key, time.loop), 1e-6)
    assert.equal(0, limiter.wait(settings, key, time.loop))
  end)

  it("takes nothing from a dict that it cannot have put there", function()
    for _, forged in ipairs { "x", true, {}, 1e300, 1 / 0, 0 / 0 } do
      local dict = new_dict()
      function dict.get() return forged end
      assert.equal(0, limiter.wait({ rate = 20, dict = dict, limit = 1,
        now = function() return 100 end }, new_key(), {}))
    end
    for _, forged in ipairs { 1.5, 1 / 0, 0 / 0 } do
      local dict = new_dict()
      function dict.incr() return forged end
      assert.equal(0, limiter.wait({ rate = 20, dict = dict, limit = 1,
        now = function() return 100 end }, new_key(), {}))
    end
  end)

  it("counts in the process where the dict takes no more", function()
    local dict, time, key = new_dict(), new_time(), new_key()
    dict.incr = function() return nil, "no memory" end
    local settings = { dict = dict, now = time.clock, rate = 1 }
    assert.equal(0, limiter.wait(settings, key, time.loop))
    assert.near(1, limiter.wait(settings, key, time.loop), 1e-6)
  end)
end)
