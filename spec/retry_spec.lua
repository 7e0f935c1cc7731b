-- SPDX-License-Identifier: MIT
local clock = require "balance.clock"
local retry = require "balance.retry"
local trace = require "balance.trace"

describe("a pause before a retry", function()
  local real_random = retry.random

  after_each(function()
    retry.random = real_random
  end)

  local function pauses(dice)
    local list = {}
    retry.random = function() return dice end
    for round = 1, 7 do
      list[round] = retry.pause(round)
    end
    return list
  end

  it("is longer each time, anywhere below its maximum", function()
    assert.same({ 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2 }, pauses(1))
    assert.same({ 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1 }, pauses(0.5))
    assert.same({ 0, 0, 0, 0, 0, 0, 0 }, pauses(0))
  end)

  it("is at least what the service wants", function()
    retry.random = function() return 1 end
    assert.equal(3, retry.pause(1, 3))
    assert.equal(0.1, retry.pause(1, 0.01))
  end)
end)

describe("a budget of retries", function()
  it("is enough for twenty, and answers fill it again", function()
    local budget = retry.new_budget()
    local retries = 0
    while retry.pay(budget, "network") do
      retries = retries + 1
    end
    assert.equal(20, retries)
    for _ = 1, 5 do
      retry.earn(budget)
    end
    assert.is_true(retry.pay(budget, "network"))
    assert.is_false(retry.pay(budget, "network"))
  end)

  it("pays twice as much after a timeout, and is never more than full",
    function()
      local budget, retries = retry.new_budget(), 0
      retry.earn(budget)
      while retry.pay(budget, "timeout") do
        retries = retries + 1
      end
      assert.equal(10, retries)
    end)
end)

describe("the correction of a clock", function()
  local function is_refused(failure)
    return failure.code == "late"
  end

  it("is what the server's clock is ahead by", function()
    assert.equal(3600,
      clock.correction({ code = "late" }, is_refused, 3600, 0))
    assert.equal(-60, clock.correction({ code = "late" }, is_refused, -60, 5))
  end)

  it("does not help after another failure, or where nothing is signed",
    function()
      assert.is_nil(clock.correction({ code = "x" }, is_refused, 3600, 0))
      assert.is_nil(clock.correction({ code = "late" }, nil, 3600, 0))
    end)

  it("is believed up to a day, where somebody vouches, and once", function()
    assert.is_nil(clock.correction({ code = "late" }, is_refused, 86401, 0))
    assert.is_nil(clock.correction({ code = "late" }, is_refused, nil, 0))
    assert.is_nil(clock.correction({ code = "late" }, is_refused, 60, 60))
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
