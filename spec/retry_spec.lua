-- SPDX-License-Identifier: MIT
-- Time and chance are made here: nothing sleeps.
local clock = require "balance.clock"
local failover = require "balance.failover"
local failure = require "balance.failure"
local retry = require "balance.retry"
local trace = require "balance.trace"

local now, slept, dice, events

local function fails(kind, more)
  local fields = { provider = "p", kind = kind, message = "m" }
  for name, value in pairs(more or {}) do
    fields[name] = value
  end
  return failure.new(fields)
end

local function new_call(changes)
  local call = {
    retries = 2, timeout = 10, budget = retry.new_budget(),
    loop = { sleep = function(seconds)
      slept[#slept + 1] = seconds
      now = now + seconds
    end },
    emit = function(event) events[#events + 1] = event end,
  }
  for name, value in pairs(changes or {}) do
    call[name] = value
  end
  return call
end

describe("a retry", function()
  local real_now, real_random = retry.now, retry.random

  before_each(function()
    now, slept, dice, events = 1000, {}, 0.5, {}
    retry.now = function() return now end
    retry.random = function() return dice end
  end)

  after_each(function()
    retry.now, retry.random = real_now, real_random
  end)

  -- Runs attempts that end as listed, each after `takes` seconds.
  local function run(call, outcomes, takes)
    local limits = {}
    local result, err = retry.run(call, function(limit)
      limits[#limits + 1] = limit
      now = now + (takes or 0)
      local outcome = outcomes[#limits] or outcomes[#outcomes]
      if outcome == "answer" then
        return { available = 1 }
      end
      return nil, outcome
    end)
    local done = result or err
    done.attempts = #limits
    return result, err, limits
  end

  it("is not needed where the first attempt succeeds", function()
    local result = run(new_call(), { "answer" })
    assert.equal(1, result.attempts)
    assert.same({}, slept)
  end)

  it("helps where asking again can", function()
    for _, kind in ipairs { "dns", "connect", "timeout", "network",
      "rate_limit" } do
      local result = run(new_call(), { fails(kind), fails(kind), "answer" })
      assert.equal(3, result.attempts)
    end
    assert.equal(2, run(new_call(), { fails("http", { retryable = true }),
      "answer" }).attempts)
  end)

  it("never follows a failure that stays", function()
    for _, kind in ipairs { "auth", "config", "tls", "decode", "api", "http",
      "too_large", "phase", "closed" } do
      local result, err = run(new_call(), { fails(kind), "answer" })
      assert.is_nil(result)
      assert.equal(kind, err.kind)
      assert.equal(1, err.attempts)
    end
  end)

  it("comes as often as it is told, and brings the last failure", function()
    for retries = 0, 4 do
      local _, err = run(new_call { retries = retries }, { fails "network" })
      assert.equal(retries + 1, err.attempts)
    end
  end)

  it("waits longer each time, anywhere below its most", function()
    dice = 1
    run(new_call { retries = 7, timeout = 100 }, { fails "network" })
    assert.same({ 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2 }, slept)
    slept, dice = {}, 0
    run(new_call { retries = 3 }, { fails "network" })
    assert.same({ 0, 0, 0 }, slept)
  end)

  it("honours Retry-After, up to what is left", function()
    local soon = fails("rate_limit", { retry_after = 3 })
    assert.equal(2, run(new_call(), { soon, "answer" }).attempts)
    assert.same({ 3 }, slept)
    local late = fails("rate_limit", { retry_after = 11 })
    local _, err = run(new_call(), { late, "answer" })
    assert.equal(1, err.attempts)
    assert.equal(11, err.retry_after)
  end)

  it("stays within the time of the whole call", function()
    dice = 0
    local _, _, limits = run(new_call(), { fails "timeout" }, 1)
    assert.same({ 5, 4.5, 8 }, limits) -- half of what is left, then all of it
    local _, err = run(new_call { timeout = 2 }, { fails "timeout" }, 2)
    assert.equal(1, err.attempts)
  end)

  it("says so to the trace", function()
    run(new_call(), { fails "network", "answer" })
    assert.same({ { event = "retry", attempt = 1, kind = "network",
      wait = 0.05 } }, events)
  end)

  it("costs a budget that answers fill again", function()
    local budget = retry.new_budget()
    local retries = 0
    for _ = 1, 30 do
      local _, err = run(new_call { budget = budget }, { fails "network" })
      retries = retries + err.attempts - 1
    end
    assert.equal(20, retries) -- a hundred at five each, and then no more
    for _ = 1, 5 do
      run(new_call { budget = budget }, { "answer" })
    end
    assert.equal(2, run(new_call { budget = budget },
      { fails "network", "answer" }).attempts)
  end)
end)

describe("a failover", function()
  local real_now = failover.now

  before_each(function()
    now = 1000
    failover.now = function() return now end
  end)

  after_each(function()
    failover.now = real_now
  end)

  local function run(endpoints, outcomes, takes)
    local tried, shares = {}, {}
    local result, err = failover.run(endpoints, 9, function(endpoint, share)
      tried[#tried + 1], shares[#shares + 1] = endpoint, share
      now = now + (takes or 0)
      local outcome = outcomes[endpoint]
      if outcome then
        return nil, fails(outcome)
      end
      return { available = 1 }
    end)
    return result, err, tried, shares
  end

  it("goes to the next endpoint where one is not reached", function()
    for _, kind in ipairs { "dns", "connect", "tls", "timeout" } do
      local result, _, tried = run({ "a", "b", "c" }, { a = kind, b = kind })
      assert.equal(1, result.available)
      assert.same({ "a", "b", "c" }, tried)
    end
  end)

  it("stays with one that answers, whatever it says", function()
    for _, kind in ipairs { "auth", "api", "http", "decode", "rate_limit",
      "network", "config" } do
      local _, err, tried = run({ "a", "b" }, { a = kind })
      assert.equal(kind, err.kind)
      assert.same({ "a" }, tried)
    end
  end)

  it("shares the time, and ends with it", function()
    local _, _, tried, shares = run({ "a", "b", "c" },
      { a = "timeout", b = "timeout", c = "timeout" }, 3)
    assert.same({ "a", "b", "c" }, tried)
    assert.same({ 3, 3, 3 }, shares)
    local err
    _, err, tried = run({ "a", "b" }, { a = "timeout" }, 9)
    assert.equal("timeout", err.kind)
    assert.same({ "a" }, tried)
  end)
end)

describe("a wrong clock", function()
  local provider = { is_clock_refused = function(err)
    return err.code == "late"
  end }

  -- The server's clock is ahead by so much; it takes what is 5 s off.
  local function run(state, ahead, believed)
    local offsets = {}
    local result, err = clock.run(state, provider, function() end,
      function(offset)
        offsets[#offsets + 1] = offset
        if math.abs(ahead - offset) <= 5 then
          return { available = 1 }
        end
        return nil, fails("auth", { code = "late" }), believed
      end)
    return result, err, offsets
  end

  it("is corrected once, and remembered", function()
    local state = { offset = 0 }
    local result, _, offsets = run(state, 3600, 3600)
    assert.equal(3600, result.clock_offset)
    assert.same({ 0, 3600 }, offsets)
    result, _, offsets = run(state, 3600, 3600)
    assert.equal(3600, result.clock_offset)
    assert.same({ 3600 }, offsets)
  end)

  it("is believed up to a day, and only where somebody vouches", function()
    local _, err, offsets = run({ offset = 0 }, 86401, 86401)
    assert.equal("late", err.code)
    assert.same({ 0 }, offsets)
    _, err, offsets = run({ offset = 0 }, 3600, nil)
    assert.equal("late", err.code)
    assert.same({ 0 }, offsets)
  end)

  it("that stays wrong is asked about once", function()
    local _, err, offsets = run({ offset = 0 }, 3600, 60)
    assert.equal("late", err.code)
    assert.same({ 0, 60 }, offsets)
  end)
end)

describe("a trace hook", function()
  it("gets events with their provider and account", function()
    local got
    trace.emitter(function(event) got = event end, "udio", "team")
      { event = "limit", wait = 1 }
    assert.same({ event = "limit", wait = 1, provider = "udio",
      account = "team" }, got)
  end)

  it("may raise without harm, and need not be there", function()
    trace.emitter(function() error("mine") end, "udio") { event = "limit" }
    trace.emitter(nil, "udio") { event = "limit" }
  end)
end)
