-- SPDX-License-Identifier: MIT
local histories = require "balance.monitor.history"
local numbers = require "balance.monitor.number"
local rates = require "balance.monitor.rate"

local hour, day = 3600, 86400
local start = 1795000000 - 1795000000 % day

-- A history of amounts, `step` seconds apart, and the time of the last one.
local function history_of(amounts, step)
  local history, now = {}, start
  for _, left in ipairs(amounts) do
    now = now + step
    history = histories.add(history, now, left, false, now)
  end
  return history, now
end

-- Amounts that fall by `drop` for so many steps, from `first`.
local function falling(first, drop, steps)
  local amounts = {}
  for i = 0, steps do
    amounts[#amounts + 1] = first - i * drop
  end
  return amounts
end

local function outlook_of(amounts, step)
  local history, now = history_of(amounts, step)
  return rates.of(history, amounts[#amounts], now), history, now
end

local function append(list, more)
  for _, each in ipairs(more) do
    list[#list + 1] = each
  end
  return list
end

describe("a monitor's history", function()
  it("has the last sample of each quarter of an hour", function()
    local history, now = history_of(falling(1000, 1, 12), 300)
    assert.equal(5, #history)
    assert.same({ at = now, left = 988 }, history[#history])
    for i = 2, #history do
      assert.is_true(math.floor(history[i].at / 900)
        > math.floor(history[i - 1].at / 900))
    end
  end)

  it("has one of a day after a week, and none after 90 days", function()
    local history, now = history_of(falling(1e6, 1, 95 * 24 * 4), 900)
    local old, fresh = 0, 0
    for i, sample in ipairs(history) do
      local age = now - sample.at
      assert.is_true(age <= 90 * day)
      if age > 7 * day then
        old = old + 1
        local later = history[i + 1] and history[i + 1].at or now
        assert.is_true(now - later <= 7 * day
          or math.floor(later / day) > math.floor(sample.at / day))
      else
        fresh = fresh + 1
      end
    end
    assert.is_true(old >= 82 and old <= 84, old)
    assert.is_true(fresh >= 671 and fresh <= 673, fresh)
  end)

  it("never has more samples or bytes than it may", function()
    local history, now = {}, start
    for i = 1, 3000 do -- a clock that is set back and forth
      now = now + 900 * (i % 7 == 0 and -900 or i % 11 == 0 and 777 or 1)
      history = histories.add(history, now, -0.1 - i, i % 5 == 0, now)
    end
    assert.is_true(#history <= histories.max_samples)
    local longest = {}
    for i = 1, histories.max_samples do
      longest[i] = { at = 253402300799, left = -2.2250738585072014e-308,
        top_up = 1.7976931348623157e308, begins = true }
    end
    assert.is_true(#histories.encode(longest) <= 64 * 1024)
  end)

  it("knows a top-up from an amount that only jitters", function()
    local history = history_of({ 10000, 10009, 9999, 10008, 12000 }, 900)
    local found = {}
    for i, sample in ipairs(history) do
      found[i] = sample.top_up or "-"
    end
    assert.same({ "-", "-", "-", "-", 2001 }, found)
    history = history_of({ 5, 6, 7 }, 900) -- a step, and more than a step
    assert.is_nil(history[2].top_up)
    assert.equal(2, history[3].top_up)
    history = history_of({ 1.5, 1.505, 2.5 }, 900)
    assert.is_nil(history[2].top_up)
    assert.equal(1, history[3].top_up)
    history = history_of({ -5000, -4998, -100 }, 900) -- a debt
    assert.is_nil(history[2].top_up)
    assert.equal(4900, history[3].top_up)
  end)

  it("keeps the top-ups of samples that are joined", function()
    local history = history_of({ 10, 500, 490, 980 }, 200)
    assert.same({ { at = start + 800, left = 980, top_up = 980,
      begins = true } }, history)
  end)

  it("is the same list until a sample is added", function()
    local history = history_of({ 10, 9 }, 900)
    local before = #history
    local longer = histories.add(history, start + 9000, 8, false, start + 9000)
    assert.equal(before, #history)
    assert.equal(before + 1, #longer)
  end)

  it("is the same when it was written and read", function()
    local history, now = history_of({ 10, 776.56, 0.1 + 0.2, -5, 1e22 }, 900)
    history = histories.add(history, now + 900, 2 ^ 53 - 1, true, now + 900)
    local text = histories.encode(history)
    assert.same(history, histories.decode(text))
    assert.matches("^" .. start + 900 .. " 10 b\n", text)
    assert.matches("\n" .. start + 1800 .. " 776.56 %+766.56\n", text)
    assert.same({}, histories.decode "")
  end)

  it("is not read from anything else", function()
    for _, text in ipairs { "x", "1 2", "1 2 3", "1 2 -x", "1 2 +", "1 2 b+",
      "1 2 +1x", "1 nan -", "1 inf -", "1 0x10 -", "-1 2 -", "1 2 - ",
      " 1 2 -", "1e3 2 -", "9999999999999 2 -", "1 2 bb", "1 2 -b", "1 +2 -",
      "1 2 -\0", "1 " .. ("1"):rep(40) .. " -",
      ("1 2 -\n"):rep(histories.max_samples + 1) } do
      assert.is_nil(histories.decode(text), text:sub(1, 20))
    end
  end)

  it("gets the samples that another copy has", function()
    local whole = history_of(falling(1000, 1, 20), 900)
    local one, other = {}, {}
    for i, sample in ipairs(whole) do
      if i < 8 or i > 12 then one[#one + 1] = sample end
      if i < 11 then other[#other + 1] = sample end
    end
    local merged = histories.merge(one, other)
    assert.equal(#one + 3, #merged)
    for i = 1, 10 do
      assert.equal(whole[i], merged[i])
    end
    assert.equal(whole, histories.merge(whole, one))
    assert.same(whole, histories.merge({}, whole))
  end)

  it("does not get back what was thinned", function()
    local long, now = history_of(falling(1e6, 1, 30 * 96), 900)
    local later = long
    for i = 1, 20 * 96 do
      local at = now + i * 900
      later = histories.add(later, at, 1e5 - i, false, at)
    end
    assert.equal(later, histories.merge(later, long))
  end)
end)

describe("a number in a store", function()
  it("is read as it was written", function()
    for _, number in ipairs { 0, 776.56, 1e22, 1e-7, -2.2250738585072014e-308,
      1.7976931348623157e308, 2 ^ 53 + 2, 0.1 + 0.2, -12 } do
      assert.equal(number, numbers.read(numbers.write(number)))
    end
    assert.equal("776.56", numbers.write(776.56))
    if math.type then
      local large = math.tointeger "9007199254740993"
      assert.equal("9007199254740993", numbers.write(large))
      assert.equal(large, numbers.read "9007199254740993")
      assert.equal("integer", math.type(numbers.read "5"))
    end
  end)

  it("is nothing else", function()
    for _, text in ipairs { "", "x", "nan", "inf", "1e999", "0x1", "1,5", ".5",
      " 1", "1e", ("9"):rep(33) } do
      assert.is_nil(numbers.read(text), text)
    end
    assert.is_nil(numbers.read(nil))
  end)
end)

describe("a monitor's rate", function()
  it("is the sum of drops over the time, also after a top-up", function()
    local amounts = falling(1000, 1, 47)
    append(amounts, falling(amounts[#amounts] + 500, 1, 24))
    local seen = outlook_of(amounts, 900) -- 4 an hour
    assert.is_true(math.abs(seen.rate - 96) < 1e-9)
    assert.equal("known", seen.outlook)
    assert.is_true(math.abs(seen.time_to_empty
      - amounts[#amounts] / 96 * day) < 1e-6)
  end)

  it("is that of bursts, too", function()
    local amounts, left = {}, 5000
    for i = 1, 96 do -- 64 at the end of every fourth hour: 16 an hour
      left = left - (i % 16 == 0 and 64 or 0)
      amounts[i] = left
    end
    local seen = outlook_of(amounts, 900)
    assert.is_true(math.abs(seen.rate - 384) < 384 * 0.05, seen.rate)
  end)

  it("takes the faster one of a day and a week", function()
    local amounts = append(falling(10000, 1, 6 * 24), {})
    append(amounts, falling(amounts[#amounts] - 10, 10, 22))
    local seen = outlook_of(amounts, hour)
    assert.is_true(seen.rates.day > 2 * seen.rates.week)
    assert.equal(seen.rates.day, seen.rate)
    amounts = append(falling(10000, 10, 6 * 24), {})
    append(amounts, falling(amounts[#amounts] - 1, 1, 23))
    seen = outlook_of(amounts, hour)
    assert.is_true(seen.rates.week > 2 * seen.rates.day)
    assert.equal(seen.rates.week, seen.rate)
  end)

  it("is no number without enough data", function()
    for _, amounts in ipairs { {}, { 100 }, falling(100, 1, 22),
      -- six hours, but fewer than three drops
      append(falling(100, 1, 2), { 98, 98, 98, 98, 98, 98, 98, 98, 98, 98, 98,
        98, 98, 98, 98, 98, 98, 98, 98, 98, 98, 98, 98, 98, 98, 98, 98 }) } do
      local seen = outlook_of(amounts, 900)
      assert.equal("not enough data", seen.outlook)
      assert.is_nil(seen.rate)
      assert.is_nil(seen.time_to_empty)
    end
    assert.equal("known", outlook_of(falling(100, 1, 25), 900).outlook)
  end)

  it("has words for an account that is idle, or lasts for years", function()
    local still = {}
    for i = 1, 60 do
      still[i] = 500
    end
    local seen = outlook_of(still, 900)
    assert.equal("idle", seen.outlook)
    assert.equal(0, seen.rate)
    seen = outlook_of(falling(1000000, 1, 60), 900)
    assert.equal("more than a year", seen.outlook)
    assert.is_nil(seen.time_to_empty)
    assert.equal(96, seen.rate)
  end)

  it("does not count what jitters as use", function()
    local amounts = {}
    for i = 1, 96 do
      amounts[i] = 10000 - i % 2 * 9
    end
    local seen = outlook_of(amounts, 900)
    assert.equal("idle", seen.outlook)
    for i = 1, 96 do
      amounts[i] = 10000 - i - i % 2 * 9
    end
    seen = outlook_of(amounts, 900)
    assert.is_true(math.abs(seen.rate - 96) < 12, seen.rate)
  end)

  it("begins anew where the unit changes", function()
    local history, now = history_of(falling(1000, 1, 40), 900)
    history = histories.add(history, now + 900, 50000, true, now + 900)
    for i = 1, 40 do
      local at = now + 900 + i * 900
      history = histories.add(history, at, 50000 - i * 100, false, at)
    end
    now = now + 41 * 900
    local seen = rates.of(history, 46000, now)
    assert.is_true(seen.rate < 9600 and seen.rate > 0)
    for _, sample in ipairs(history) do
      assert.is_nil(sample.top_up)
    end
  end)

  it("is 0 seconds from empty where nothing is left", function()
    local seen = outlook_of(falling(30, 1, 40), 900)
    assert.equal(0, seen.time_to_empty)
  end)

  it("does not see what has not come yet, or came in no time", function()
    local history, now = history_of(falling(1000, 1, 40), 900)
    local seen = rates.of(history, 960, now)
    history = histories.add(history, now + 5 * day, 500, false, now + 5 * day)
    history = histories.add(history, now + 1, 500, false, now + 1)
    local later = rates.of(history, 500, now + 1)
    assert.equal(seen.rate, later.rate)
  end)
end)
