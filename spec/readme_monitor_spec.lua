-- SPDX-License-Identifier: MIT
--
-- What the README says of the monitor is what the code does.
local pages = require "support.readme"

local declares, fields_of, names = pages.declares, pages.fields_of, pages.names
local rows, section, says = pages.rows, pages.section, pages.says

describe("the README's monitor", function()
  local settings = require "balance.monitor.settings"

  it("has each setting, with its type", function()
    local documented = rows(section "Settings")
    assert.same(names(settings.schema), names(documented))
    for name, rule in pairs(settings.schema) do
      assert.equal(rule[1]:gsub(" ", ", "), documented[name][2], name)
    end
    declares("monitor/init", 300)
    declares("monitor/settings", 60, 86400)
  end)

  it("has each setting of an alarm", function()
    assert.same(names(settings.of_alarms), names(rows(section "Alarms")))
    declares("monitor/alarms", 1800)
  end)

  it("has the times and sizes of what is kept", function()
    declares("monitor/history", 900, 7, 90)
    declares("monitor/rate", 6, 3)
    says("What it keeps", "at most 64 KiB an account")
  end)

  it("has each field of an account in a snapshot", function()
    assert.same(names(fields_of "balance.WatchedAccount"),
      names(rows(section "Snapshots")))
  end)

  it("has each webhook, and each report", function()
    local webhooks = {}
    for name in section("Webhooks"):gmatch "\n| `(%l+)` |" do
      webhooks[name] = true
    end
    assert.same(names((require "balance.notify")), names(webhooks))
    local documented = {}
    for name in section("Reports"):gmatch "\n| `(%l+)%(" do
      documented[name] = true
    end
    documented.prometheus_type = true
    assert.same(names((require "balance.report")), names(documented))
  end)
end)
