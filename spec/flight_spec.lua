-- SPDX-License-Identifier: MIT
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local flight = require "balance.flight"

describe("balance.flight", function()
  -- A loop whose sleep yields until a clock of the spec's own has moved.
  local now, loop, threads

  before_each(function()
    now, threads = 0, {}
    loop = { sleep = function(seconds)
      local wake = now + seconds
      while now < wake do
        coroutine.yield()
      end
    end }
    flight.now = function() return now end
  end)

  after_each(function()
    flight.now = core.now
  end)

  local function start(body)
    local thread = coroutine.create(body)
    threads[#threads + 1] = thread
    local ok, message = coroutine.resume(thread)
    return thread, not ok and message or nil
  end

  local function pass(seconds)
    for _ = 1, seconds / 0.01 do
      now = now + 0.01
      for _, thread in ipairs(threads) do
        if coroutine.status(thread) == "suspended" then
          coroutine.resume(thread)
        end
      end
    end
  end

  it("returns what the body returns, nils too", function()
    assert.same({ n = 4, nil, 1, nil, nil }, (function(...)
      return { n = select("#", ...), ... }
    end)(flight.run("key", loop, 1, function() return nil, 1, nil, nil end)))
    assert.equal(0, select("#", flight.run("key", loop, 1, function() end)))
  end)

  it("runs it once for all who ask meanwhile", function()
    local runs, answers = 0, {}
    for i = 1, 10 do
      start(function()
        answers[i] = { flight.run("key", loop, 5, function()
          runs = runs + 1
          loop.sleep(1)
          return "answer", runs
        end) }
      end)
    end
    pass(0.9)
    assert.same({}, answers)
    pass(0.3)
    for i = 1, 10 do
      assert.same({ "answer", 1 }, answers[i])
    end
    assert.equal("new", flight.run("key", loop, 5, function()
      return "new"
    end))
  end)

  it("runs other keys meanwhile", function()
    start(function() flight.run("one", loop, 5, coroutine.yield) end)
    assert.equal("other", flight.run("two", loop, 5, function()
      return "other"
    end))
  end)

  it("lets another take over when the leader is lost", function()
    local runs, answers = 0, {}
    local lost = start(function()
      flight.run("key", loop, 2, coroutine.yield)
    end)
    threads = {} -- it is not resumed any more, which cannot be known
    pass(1)
    for i = 1, 3 do
      start(function()
        answers[i] = flight.run("key", loop, 2, function()
          runs = runs + 1
          loop.sleep(0.5)
          return "answer"
        end)
      end)
    end
    pass(0.9)
    assert.equal(0, runs)
    pass(1)
    assert.equal(1, runs)
    assert.same({ "answer", "answer", "answer" }, answers)
    assert.equal("suspended", coroutine.status(lost))
  end)

  it("lets another take over at once when the leader was collected", function()
    start(function()
      flight.run("key", loop, 2, coroutine.yield)
    end)
    threads = {}
    collectgarbage()
    collectgarbage()
    assert.equal("new", flight.run("key", loop, 2, function()
      return "new"
    end))
  end)

  it("lets nobody wait longer than it says, whoever leads", function()
    local finished
    local lost = start(function()
      flight.run("key", loop, 2, coroutine.yield)
    end)
    threads = {}
    pass(1.9)
    start(function()
      flight.run("key", loop, 2, function() return "own" end)
      finished = now
    end)
    local thread = start(function()
      flight.run("key", loop, 2, coroutine.yield)
    end)
    assert.equal("suspended", coroutine.status(thread))
    pass(2.2)
    assert.is_true(finished <= 4.1)
    assert.equal("suspended", coroutine.status(lost))
  end)

  it("raises what the body raised to its leader alone", function()
    local runs, answers = 0, {}
    local _, message = start(function()
      flight.run("key", loop, 5, function() error({ 7 }) end)
    end)
    assert.same({ 7 }, message)
    start(function()
      flight.run("key", loop, 5, function()
        loop.sleep(1)
        error "bug"
      end)
    end)
    for i = 1, 3 do
      start(function()
        answers[i] = flight.run("key", loop, 5, function()
          runs = runs + 1
          return "own"
        end)
      end)
    end
    pass(1.2)
    assert.equal(3, runs)
    assert.same({ "own", "own", "own" }, answers)
    assert.equal("new", flight.run("key", loop, 5, function()
      return "new"
    end))
  end)

  it("runs it at once where one cannot wait", function()
    local thread = start(function()
      flight.run("key", loop, 5, coroutine.yield)
    end)
    assert.equal("own", flight.run("key", {
      sleep = error, ready = function() return nil, "phase" end,
    }, 5, function() return "own" end))
    assert.equal("suspended", coroutine.status(thread))
  end)

  it("works in the gather of the blocking loop", function()
    flight.now = core.now
    local runs, answers, functions = 0, {}, {}
    for i = 1, 5 do
      functions[i] = function()
        answers[i] = flight.run("key", blocking, 5, function()
          runs = runs + 1
          blocking.sleep(0.02)
          return "answer"
        end)
      end
    end
    blocking.gather(functions)
    assert.equal(1, runs)
    assert.equal(5, #answers)
  end)
end)
