-- SPDX-License-Identifier: MIT
--
-- The reports that a terminal and a script get of a snapshot.
local blocks = require "balance.report.blocks"
local layout = require "balance.report.layout"
local report = require "balance.report"
local snapshots = require "support.snapshots"

local account = snapshots.account

local function of(...)
  return snapshots.of { ... }
end

describe("report.text()", function()
  local refused = account { name = "revoked", is_up = false, is_stale = true,
    state = "refused", failure = { kind = "auth", message = "no such key",
      hint = "a hint of some length, which needs several lines" } }

  it("leaves columns out where they do not fit, and no words", function()
    local function head(width)
      return report.text(of(account()), { width = width }):match "^[^\n]+"
        :gsub("%f[ ] +", " ")
    end
    assert.equal("account left per day empty in as of state", head(nil))
    local width = #report.text(of(account())):match "\n([^\n]+)" -- its row
    assert.equal("account left per day empty in as of state", head(width + 3))
    assert.equal("account left per day empty in state", head(width - 1))
    assert.equal("account left empty in state", head(40))
    assert.equal("account left state", head(32))
    assert.equal("account left state", head(1))
    local text = report.text(of(refused), { width = 40 })
    assert.matches("\nrevoked: auth: no such key\n  a hint of some length,"
      .. " which needs\n    several lines\n$", text)
    for line in text:gmatch "[^\n]+" do
      assert.is_true(layout.width_of(line) <= 40, line)
    end
  end)

  it("gives each state a colour that ends", function()
    for state, colour in pairs { ok = "32", low = "33", ["empty soon"] = "33",
      unknown = "31", refused = "31" } do
      local text = report.text(of(account { state = state }),
        { colour = true })
      local shown = ("  \27[%sm%s\27[0m\n"):format(colour, state)
      assert.is_not_nil(text:find(shown, 1, true), text)
      assert.is_nil(report.text(of(account { state = state })):find "\27")
    end
  end)

  it("raises for a wrong option", function()
    for _, options in ipairs { { width = 0 }, { width = "80" },
      { widht = 80 }, { colour = "yes" } } do
      assert.has_error(function() report.text(of(account()), options) end)
    end
  end)
end)

describe("balance.report.layout", function()
  it("counts the columns of a text", function()
    for text, width in pairs { [""] = 0, udio = 4, ["é"] = 1, ["音乐"] = 4,
      ["a\27"] = 2, ["🎵"] = 2 } do
      assert.equal(width, layout.width_of(text), text)
    end
  end)

  it("breaks a text between words, and no word", function()
    local lines = {}
    layout.wrap("one two three", "  ", lines, 7)
    layout.wrap("averylongword x", "  ", lines, 5)
    layout.wrap("", "  ", lines, 5)
    layout.wrap("one two three", "  ", lines, nil)
    assert.same({ "one two", "  three", "averylongword", "  x", "",
      "one two three" }, lines)
  end)
end)

describe("report.plain()", function()
  it("has a line of the same fields for each account", function()
    assert.equal("udio\tudio\t4528\tcredits\t96\t4075200\t"
      .. "2026-11-18T21:05:40Z\tok\t\n", report.plain(of(account { }))
      :gsub("\t%d+\tcredits", "\t4528\tcredits")
      :gsub("\t%d+\t2026%-[^\t]+", "\t4075200\t2026-11-18T21:05:40Z"))
    local text = report.plain(of(snapshots.never_asked()))
    assert.matches("^new\tudio\t\t\t\t\t\tunknown\t\n$", text)
  end)

  it("writes money as people do, exactly", function()
    local text = report.plain(of(account { unit = "cent", currency = "USD",
      available = 1234567890123, rate = 12345.678 }))
    assert.matches("^udio\tudio\t12345678901.23\tUSD\t123.45678\t", text)
  end)

  it("has no tab, line end or escape sequence of others", function()
    for _, name in ipairs(snapshots.hostile) do
      local text = report.plain(of(account { name = name }))
      local _, tabs = text:gsub("\t", "")
      assert.equal(8, tabs, text)
      assert.is_nil(text:find "[%z\1-\8\11-\31\127]")
      assert.equal(#text, (text:find "\n"))
    end
  end)
end)

describe("report.csv()", function()
  it("quotes what needs it", function()
    for _, name in ipairs(snapshots.hostile) do
      local text = report.csv(of(account { name = name }), 1)
      for line in text:gmatch "(.-)\r\n" do
        local rest = line:gsub('^"[^"]*"', "x"):gsub('""', "")
        assert.is_true(line == "account,time,left,unit,top_up"
          or select(2, rest:gsub(",", "")) >= 4, line)
        assert.is_nil(line:find "[%z\1-\31]")
      end
    end
    assert.matches('\n"""quoted"" \\ and in two lines",2026',
      report.csv(of(account { name = snapshots.hostile[2] })))
  end)

  it("has the last seven days, or as many as are wanted", function()
    local function lines(days)
      return select(2, report.csv(of(account()), days):gsub("\n", ""))
    end
    assert.equal(1 + 168, lines(nil))
    assert.equal(1 + 24, lines(1))
    assert.equal(1, lines(0))
  end)
end)

describe("report.history()", function()
  it("has a line, its bounds and the top-ups of each account", function()
    local text = report.history(of(account(), snapshots.never_asked()))
    assert.matches("^udio: %d+ credits left, 96 credits a day, empty in %d+"
      .. " days %(60 seconds ago%)\n  %S+\n  from 2026%-%S+Z on: highest %d+"
      .. " credits, lowest %d+ credits\n  2026%-%S+Z top%-up of %d+ credits\n"
      .. "\nnew: nothing is known yet\n$", text)
  end)

  it("has no escape sequence of others", function()
    for _, name in ipairs(snapshots.hostile) do
      local text = report.history(of(account { name = name }), 7, 40)
      assert.is_nil(text:find "[%z\1-\9\11-\31\127]")
    end
  end)
end)

describe("balance.report.blocks", function()
  local function draw(lefts, columns)
    local samples = {}
    for i, left in ipairs(lefts) do
      samples[i] = { at = i, left = left }
    end
    return blocks.draw(samples, 0, #lefts, columns or #lefts)
  end

  it("draws from 0 up, with the highest full", function()
    assert.equal("▁▂▃▄▅▆▇█", draw { 1, 2, 3, 4, 5, 6, 7, 8 })
    assert.equal("██", draw { 5, 5 })
    assert.equal("▁▁", draw { 0, 0 })
    assert.equal("▁█", draw { -3, 3 })
    assert.equal("▁▁", draw { -3, -1 })
  end)

  it("keeps what was known, and is blank before", function()
    assert.equal("  ████", blocks.draw({ { at = 5, left = 1 } }, 0, 12, 6))
    assert.equal("█", draw({ 1, 2, 3, 4 }, 1))
  end)
end)
