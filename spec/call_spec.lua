-- SPDX-License-Identifier: MIT
-- What comes next after an attempt. Attempts, time and chance are made here:
-- nothing is sent, and nothing sleeps.
local attempt = require "balance.attempt"
local balance = require "balance"
local core = require "balance.core"
local failure = require "balance.failure"
local retry = require "balance.retry"

local real = { run = attempt.run, now = core.now, random = retry.random }

local now, slept, events, tried, limits, offsets, outcomes, takes

local function fails(kind, more)
  local fields = { kind = kind, message = "m" }
  for name, value in pairs(more or {}) do
    fields[name] = value
  end
  return failure.of_call("udio", fields, {})
end

-- Each attempt takes so many seconds and ends as listed, or as the last of
-- these: an answer, a kind, a failure, or an outcome.
local function run(call, endpoint, limit)
  tried[#tried + 1], limits[#limits + 1] = endpoint, limit
  offsets[#offsets + 1] = call.clock_offset
  now = now + takes
  local outcome = outcomes[#tried] or outcomes[#outcomes]
  if outcome == "answer" then
    return { result = { available = 1 } }
  elseif type(outcome) == "string" then
    return { failure = fails(outcome) }
  elseif outcome.kind then
    return { failure = outcome }
  end
  return outcome
end

local loop = {
  wait = error, gather = error,
  sleep = function(seconds)
    slept[#slept + 1] = seconds
    now = now + seconds
  end,
}

before_each(function()
  now, slept, events, tried, limits, offsets = 1000, {}, {}, {}, {}, {}
  takes = 0
  attempt.run = run
  core.now = function() return now end
  retry.random = function() return 0.5 end
end)

after_each(function()
  attempt.run, core.now, retry.random = real.run, real.now, real.random
end)

local function ask(list, options, client)
  outcomes = list
  local all = { api_key = "key", retries = 2, timeout = 10,
    endpoint = "https://a", trace = function(event)
      events[#events + 1] = event
    end }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return (client or balance.new { loop = loop }).udio(all)
end

local function names()
  local list = {}
  for i, event in ipairs(events) do
    list[i] = event.event
  end
  return table.concat(list, " ")
end

describe("a retry", function()
  it("is not needed where the first attempt succeeds", function()
    assert.equal(1, ask({ "answer" }).attempts)
    assert.same({}, slept)
  end)

  it("helps where asking again can", function()
    for _, kind in ipairs { "dns", "connect", "timeout", "network",
      "rate_limit", "resource" } do
      tried = {}
      assert.equal(3, ask({ kind, kind, "answer" }).attempts)
    end
    tried = {}
    assert.equal(2, ask({ fails("http", { retryable = true }), "answer" })
      .attempts)
  end)

  it("never follows a failure that stays", function()
    for _, kind in ipairs { "auth", "config", "tls", "decode", "api", "http",
      "too_large", "phase", "closed" } do
      tried = {}
      local result, err = ask { kind, "answer" }
      assert.is_nil(result)
      assert.equal(kind, err.kind)
      assert.equal(1, err.attempts)
    end
  end)

  it("comes as often as it is told, and brings the last failure", function()
    for retries = 0, 4 do
      local _, err = ask({ "network" }, { retries = retries })
      assert.equal(retries + 1, err.attempts)
    end
  end)

  it("waits longer each time", function()
    ask({ "network" }, { retries = 7, timeout = 100 })
    assert.same({ 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1 }, slept)
  end)

  it("honours Retry-After, up to what is left", function()
    local soon = fails("rate_limit", { retry_after = 3 })
    assert.equal(2, ask({ soon, "answer" }).attempts)
    assert.same({ 3 }, slept)
    tried = {}
    local _, err = ask { fails("rate_limit", { retry_after = 11 }), "answer" }
    assert.equal(1, err.attempts)
    assert.equal(11, err.retry_after)
  end)

  it("stays within the time of the whole call", function()
    retry.random = function() return 0 end
    takes = 1
    ask { "timeout" }
    assert.same({ 5, 4.5, 8 }, limits) -- half of what is left, then all of it
    takes = 2
    local _, err = ask({ "timeout" }, { timeout = 2 })
    assert.equal(1, err.attempts)
  end)

  it("says so to the trace", function()
    ask { "network", "answer" }
    assert.equal("attempt retry attempt", names())
    assert.same({ event = "retry", attempt = 1, kind = "network",
      wait = 0.05, provider = "udio" }, events[2])
  end)

  it("costs the client's budget, which answers fill again", function()
    local client, retries = balance.new { loop = loop }, 0
    for _ = 1, 30 do
      local _, err = ask({ "network" }, nil, client)
      retries = retries + err.attempts - 1
    end
    assert.equal(20, retries)
    for _ = 1, 5 do
      ask({ "answer" }, nil, client)
    end
    tried = {}
    assert.equal(2, ask({ "network", "answer" }, nil, client).attempts)
  end)

  it("goes over a new connection where a kept one came to nothing", function()
    local fresh = {}
    attempt.run = function(call, ...)
      fresh[#fresh + 1] = call.needs_fresh or false
      return run(call, ...)
    end
    ask { { failure = fails "timeout", reused = true }, "network", "answer" }
    assert.same({ false, true, true }, fresh)
    fresh, tried = {}, {}
    ask { { failure = fails "rate_limit", reused = true }, "answer" }
    assert.same({ false, false }, fresh)
  end)
end)

describe("a failover", function()
  local three = { "https://a", "https://b", "https://c" }

  it("goes to the next endpoint where one is not reached", function()
    for _, kind in ipairs { "dns", "connect", "tls", "timeout" } do
      tried = {}
      assert.equal(1, ask({ kind, kind, "answer" },
        { endpoint = three, retries = 0 }).available)
      assert.same(three, tried)
    end
  end)

  it("stays with one that answers, whatever it says", function()
    for _, kind in ipairs { "auth", "api", "http", "decode", "rate_limit",
      "network", "config" } do
      tried = {}
      local _, err = ask({ kind }, { endpoint = three, retries = 0 })
      assert.equal(kind, err.kind)
      assert.same({ "https://a" }, tried)
    end
  end)

  it("shares the time, and ends with it", function()
    takes = 3
    ask({ "timeout" }, { endpoint = three, retries = 0, timeout = 9 })
    assert.same(three, tried)
    assert.same({ 3, 3, 3 }, limits)
    takes, tried = 9, {}
    local _, err = ask({ "timeout" }, { endpoint = three, retries = 0,
      timeout = 9 })
    assert.equal("timeout", err.kind)
    assert.same({ "https://a" }, tried)
  end)

  it("begins anew with each retry", function()
    ask({ "connect", "network", "answer" }, { endpoint = three })
    assert.same({ "https://a", "https://b", "https://a" }, tried)
  end)
end)

describe("a wrong clock", function()
  local keys = { secret_id = "id", secret_key = "key", retries = 0,
    timeout = 10, endpoint = { "https://a", "https://b" }, rate = false }
  local client

  before_each(function()
    client = balance.new { loop = loop }
  end)

  -- The server's clock is ahead by so much, and it says so of an attempt.
  local function late(ahead)
    return { failure = fails("auth", { code = "AuthFailure.SignatureExpire" }),
      clock_ahead = ahead }
  end

  it("is corrected once, and remembered", function()
    outcomes = { late(3600), "answer" }
    assert.equal(3600, client.tencent(keys).clock_offset)
    assert.same({ 0, 3600 }, offsets)
    assert.same({ "https://a", "https://a" }, tried)
    outcomes, tried, offsets = { "answer" }, {}, {}
    assert.equal(3600, client.tencent(keys).clock_offset)
    assert.same({ 3600 }, offsets)
  end)

  it("that stays wrong is asked about once", function()
    outcomes = { late(60), late(61), late(62) }
    local _, err = client.tencent(keys)
    assert.equal("AuthFailure.SignatureExpire", err.code)
    assert.same({ 0, 60 }, offsets)
  end)

  it("is corrected at the endpoint that said so, in the time that is left",
    function()
      takes = 2
      outcomes = { "connect", late(60), "answer" }
      assert.equal(3, client.tencent(keys).attempts)
      assert.same({ "https://a", "https://b", "https://b" }, tried)
      assert.same({ 5, 8, 6 }, limits)
    end)

  it("that another call has corrected meanwhile is asked about again",
    function()
      outcomes = { late(60), "answer", "answer" }
      attempt.run = function(call, ...)
        local outcome = run(call, ...)
        if #tried == 1 then -- the other was under way at the same time
          outcomes = { nil, late(60), "answer" }
          assert.equal(60, client.tencent(keys).clock_offset)
          outcomes = { nil, nil, nil, "answer" }
        end
        return outcome
      end
      assert.equal(60, client.tencent(keys).clock_offset)
    end)
end)
