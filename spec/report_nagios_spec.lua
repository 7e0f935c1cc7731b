-- SPDX-License-Identifier: MIT
local ranges = require "balance.report.range"
local report = require "balance.report"
local snapshots = require "support.snapshots"

-- A snapshot of one account.
local function of(changes)
  return snapshots.of { snapshots.account(changes) }
end

describe("report.nagios()", function()
  local function check(changes, options)
    return report.nagios(of(changes), options)
  end

  it("is one line with performance data, and a status", function()
    local line, status = check()
    assert.equal("BALANCE OK - udio: 4528 credits, empty in 47 days |"
      .. " 'udio'=4528", line)
    assert.equal(0, status)
  end)

  it("has the ranges' statuses", function()
    for _, each in ipairs { { "5000:", nil, 1 }, { "5000:", "4600:", 2 },
      { "4000:", "10:", 0 }, { "4528:", nil, 0 }, { "~:4527", nil, 1 },
      { "@0:5000", nil, 1 }, { "10", nil, 1 }, { nil, "5000:", 2 } } do
      local line, status = check(nil,
        { warning = each[1], critical = each[2] })
      assert.equal(each[3], status, line)
    end
    local line = check(nil, { warning = "5000:", critical = "10:9000" })
    assert.matches("^BALANCE WARNING %- .* | 'udio'=4528;5000:;10:9000$", line)
    line = check(nil, { critical = "10:" })
    assert.matches("'udio'=4528;;10:$", line)
  end)

  it("counts money as people do", function()
    local line, status = check({ unit = "cent", currency = "USD",
      available = 18525, time_to_empty = false }, { warning = "200:" })
    assert.equal(1, status)
    assert.matches("udio: 185.25 USD.* | 'udio'=185.25;200:$", line)
  end)

  it("is UNKNOWN where nothing is known, or as it is told", function()
    local away = { is_up = false, failure = { kind = "timeout",
      message = "no | answer", hint = "look" } }
    local line, status = check(away, { warning = "10:" })
    assert.equal("BALANCE UNKNOWN - udio: timeout: no / answer; look |"
      .. " 'udio'=U;10:", line)
    assert.equal(3, status)
    assert.equal(2, select(2, check(away, { failure_state = "critical" })))
    line, status = check(nil, { account = "other" })
    assert.equal("BALANCE UNKNOWN - other is not watched", line)
    assert.equal(3, status)
    assert.equal(3, select(2, report.nagios(snapshots.of {})))
  end)

  it("is UNKNOWN where nobody has looked for a while", function()
    local line, status = check({ is_stale = true,
      fetched_at = snapshots.now - 3 * 86400 }, { warning = "10:" })
    assert.equal("BALANCE UNKNOWN - udio: 4528 credits 3 days ago, and no"
      .. " round since | 'udio'=U;10:", line)
    assert.equal(3, status)
    assert.equal(2, select(2, check({ is_stale = true },
      { failure_state = "critical" })))
    local nothing = snapshots.never_asked()
    nothing.is_up = true -- whatever a store says
    line, status = report.nagios(snapshots.of { nothing })
    assert.equal("BALANCE UNKNOWN - new: not known | 'new'=U", line)
    assert.equal(3, status)
  end)

  it("knows an amount of any length", function()
    for _, amount in ipairs { 1e33, 0.1 + 0.2 - 0.3 } do -- 5.55e-17
      local line, status = check({ available = amount }, { warning = "10:" })
      assert.equal(amount < 10 and 1 or 0, status, line)
    end
  end)

  it("has the worst status of all, and a monitor's alarms", function()
    local line, status = report.nagios(snapshots.of_all_states())
    assert.equal(1, status)
    assert.matches("^BALANCE WARNING", line)
    assert.is_nil(line:find "\n")
    assert.equal(2, select(2, report.nagios(snapshots.of_all_states(),
      { critical = "50:" })))
  end)

  it("has labels without quotes and equals signs", function()
    local line = check { name = "it's|a=b" }
    assert.matches("| 'it_s/a_b'=4528$", line)
  end)

  it("raises a mistake at the caller's line", function()
    for message, options in pairs {
      ["option 'warning': a range is [@]start:end"] = { warning = "x" },
      ["option 'critical': the start of a range"] = { critical = "5:1" },
      ["option 'failure_state' must be"] = { failure_state = "ok" },
    } do
      local ok, err = pcall(function()
        local line = report.nagios(of(), options)
        return line
      end)
      assert.is_false(ok)
      assert.matches("nagios_spec.lua:%d+: balance.report.nagios: ", err)
      assert.is_truthy(err:find(message, 1, true), err)
    end
  end)

  it("reads ranges as the guidelines have them", function()
    for range, alerts in pairs { ["10"] = { -1, 11 }, ["10:"] = { 9 },
      ["~:10"] = { 11 }, ["10:20"] = { 9, 21 }, ["@10:20"] = { 10, 15, 20 },
      ["-5:1.5"] = { -6, 1.6 }, [":10"] = { -1, 11 } } do
      local read = assert(ranges.read(range))
      for value = -10, 25 do
        local expected = false
        for _, each in ipairs(alerts) do
          expected = expected or each == value
        end
        if expected then
          assert.is_true(ranges.alerts(read, value), range .. " " .. value)
        end
      end
    end
    assert.is_false(ranges.alerts(ranges.read "10:20", 10))
    assert.is_false(ranges.alerts(ranges.read "10:20", 20))
    assert.is_false(ranges.alerts(ranges.read "@10:20", 21))
    assert.is_false(ranges.alerts(ranges.read "~:10", -1e300))
    for _, wrong in ipairs { "", "@", ":", "a", "1:2:3", "20:10", "1e3", "~",
      "10:~", "--1", "1 : 2", "0x10" } do
      assert.is_nil((ranges.read(wrong)), wrong)
    end
  end)
end)
