-- SPDX-License-Identifier: MIT
local alarms = require "balance.monitor.alarms"

local day = 86400

-- Takes steps, each of { seen, time }, and returns the events of each as
-- "event alarm", and the states.
local function steps(settings, list)
  local states, told = {}, {}
  for i, one in ipairs(list) do
    local words = {}
    for _, event in ipairs(alarms.step(states, one[1], settings,
      one[2] or i * 300)) do
      words[#words + 1] = event.event .. " " .. event.alarm
        .. (event.is_reminder and " again" or "")
    end
    told[i] = table.concat(words, ", ")
  end
  return told, states
end

local function left(available, top_up, days)
  return {
    is_up = true, available = available, top_up = top_up, silent_for = 0,
    outlook = days and "known" or "not enough data",
    time_to_empty = days and days * day,
  }
end

local function down(kind, seconds)
  return { is_up = false, kind = kind, silent_for = seconds or 0,
    outlook = "not enough data" }
end

describe("an alarm for what is left", function()
  it("goes off once, and is over with a tenth more", function()
    local told, states = steps({ min = 50 }, { { left(51) }, { left(50) },
      { left(49) }, { left(40) }, { left(50) }, { left(54) }, { left(49) },
      { left(55) }, { left(49) } })
    assert.same({ "", "", "low min", "", "", "", "", "ok min", "low min" },
      told)
    assert.equal("low", states.min.state)
    assert.equal(9 * 300, states.min.since)
  end)

  it("is over with a top-up that is enough", function()
    assert.same({ "low min", "", "ok min" }, (steps({ min = 50 },
      { { left(10) }, { left(30, 20) }, { left(50, 20) } })))
  end)

  it("may wait for some rounds in a row", function()
    assert.same({ "", "", "", "", "", "low min", "" },
      (steps({ min = 50, for_rounds = 3 }, { { left(40) }, { left(40) },
        { left(60) }, { left(40) }, { left(40) }, { left(40) },
        { left(40) } })))
  end)

  it("reminds where that is asked for, and only then", function()
    local list = {}
    for i = 1, 6 do
      list[i] = { left(40) }
    end
    assert.same({ "low min", "", "low min again", "", "low min again", "" },
      (steps({ min = 50, remind = 600 }, list)))
    assert.same({ "low min", "", "", "", "", "" }, (steps({ min = 50 }, list)))
  end)

  it("may have a threshold that is 0, or a debt", function()
    assert.same({ "", "low min", "ok min" }, (steps({ min = 0 },
      { { left(0) }, { left(-1) }, { left(0) } })))
    assert.same({ "", "low min", "", "ok min" }, (steps({ min = -1000 },
      { { left(-1000) }, { left(-1001) }, { left(-950) }, { left(-900) } })))
  end)

  it("goes when its setting goes", function()
    local states = {}
    alarms.step(states, left(40), { min = 50 }, 1)
    assert.equal("low", states.min.state)
    assert.same({}, alarms.step(states, left(40), {}, 2))
    assert.is_nil(states.min)
    assert.equal("ok", alarms.state(states, true))
  end)

  it("does not go off for what is not known", function()
    local told, states = steps({ min = 50, min_days = 3 },
      { { left(100) }, { down("timeout") }, { down("dns", 900) },
        { left(100) } })
    assert.same({ "", "", "", "" }, told)
    assert.equal("ok", states.min.state)
    told = steps({ min = 50 }, { { left(40) }, { down("timeout") },
      { left(40) } })
    assert.same({ "low min", "", "" }, told)
  end)
end)

describe("an alarm for the days that are left", function()
  it("goes off once, and is over with a tenth more, or a top-up", function()
    assert.same({ "", "low min_days", "", "", "ok min_days", "low min_days",
      "ok min_days" }, (steps({ min_days = 3 }, { { left(9, nil, 3) },
      { left(9, nil, 2.9) }, { left(9, nil, 3.2) }, { left(9) },
      { left(9, nil, 3.3) }, { left(9, nil, 1) }, { left(9, 5, 3) } })))
  end)

  it("is over where the account is idle, or lasts for years", function()
    for _, outlook in ipairs { "idle", "more than a year" } do
      local seen = left(9)
      seen.outlook = outlook
      assert.same({ "low min_days", "ok min_days" }, (steps({ min_days = 3 },
        { { left(9, nil, 1) }, { seen } })))
    end
  end)
end)

describe("an alarm for a refused key", function()
  it("goes off at once, and is over with an answer", function()
    local told, states = steps({}, { { down("auth") },
      { down("timeout", 300) }, { down("auth", 9000) }, { left(1) } })
    assert.same({ "auth auth", "", "", "ok auth" }, told)
    assert.equal("ok", states.auth.state)
  end)

  it("stands for an unknown one, too", function()
    assert.same({ "unknown unknown", "auth auth", "", "ok auth" }, (steps({},
      { { down("dns", 1800) }, { down("auth", 2100) }, { down("dns", 2400) },
        { left(1) } })))
  end)
end)

describe("an alarm for an unknown account", function()
  it("goes off after half an hour without an answer", function()
    assert.same({ "", "", "unknown unknown", "", "ok unknown" }, (steps({},
      { { down("timeout") }, { down("timeout", 1799) },
        { down("timeout", 1800) }, { down("dns", 9000) }, { left(1) } })))
  end)
end)

describe("an account's state", function()
  it("is the worst of its alarms, in a word", function()
    local function state(...)
      local on = {}
      for _, name in ipairs { ... } do
        on[name] = { state = "low" }
      end
      return alarms.state(on, true)
    end
    assert.equal("refused", state("min", "unknown", "auth"))
    assert.equal("unknown", state("min", "unknown"))
    assert.equal("low", state("min", "min_days"))
    assert.equal("empty soon", state "min_days")
    assert.equal("ok", state())
    assert.equal("unknown", alarms.state({}, false))
  end)
end)
