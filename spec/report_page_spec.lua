-- SPDX-License-Identifier: MIT
--
-- The page's text. What a browser makes of it is in acceptance/page.lua.
local digest = require "openssl.digest"
local core = require "balance.core"
local report = require "balance.report"
local snapshots = require "support.snapshots"

local function page_of(...)
  return (report.page(snapshots.of { ... }))
end

local function count(text, what)
  local found, from = 0, 1
  while true do
    local _, last = text:find(what, from, true)
    if not last then
      return found
    end
    found, from = found + 1, last + 1
  end
end

describe("report.page()", function()
  it("allows its own style, and nothing else", function()
    local html, policy = report.page(snapshots.of_all_states())
    local style = html:match "<style>(.-)</style>"
    local hash = core.base64(digest.new("sha256"):final(style))
    assert.equal(("default-src 'none'; style-src 'sha256-%s'; base-uri 'none';"
      .. " form-action 'none'; frame-ancestors 'none'"):format(hash), policy)
    assert.is_truthy(html:find(('content="default-src \'none\'; style-src'
      .. " 'sha256-%s'\""):format(hash), 1, true))
    for _, word in ipairs { "<script", "javascript:", "style=", " on%l+=",
      "<img", "<link", "<iframe", "url%(", "@import", "http://", "https://",
      "src=" } do
      assert.is_nil(html:find(word), word)
    end
  end)

  it("has a row and a section for each account", function()
    local html = report.page(snapshots.of_all_states())
    assert.equal(8, count(html, '<th role="rowheader" scope="row">'))
    assert.equal(8, count(html, "<section "))
    assert.equal(7, count(html, "<svg "))
    assert.equal(1, count(html, "nothing is known of the last 7 days"))
    assert.equal(7, count(html, '<path class="now"'))
    assert.equal(6, count(html, '<path class="top-up"'))
    assert.is_truthy(html:find("top-up of 200 credits, 2026-11-15T03:05:40Z",
      1, true))
    assert.equal(1, count(html, '<path class="threshold"'))
    assert.is_truthy(html:find "<span>unknown</span>")
  end)

  it("has a gap in the line where the unit changed", function()
    local now = snapshots.now
    local html = page_of(snapshots.account { history = {
      { at = now - 90000, left = 10, begins = true },
      { at = now - 80000, left = 8 },
      { at = now - 70000, left = 900, begins = true },
      { at = now - 60000, left = 800 },
    } })
    local line = html:match '<path class="line" d="([^"]*)"'
    assert.matches("^M%d+ %d+L%d+ %d+M%d+ %d+L%d+ %d+$", line)
    local area = html:match '<path class="area" d="([^"]*)"'
    assert.equal(2, count(area, "Z"))
  end)

  it("draws what is below 0, and what never changes", function()
    local now = snapshots.now
    local html = page_of(snapshots.account { available = -5, history = {
      { at = now - 9000, left = 5 }, { at = now - 90, left = -5 } } },
      snapshots.account { history = { { at = now - 9000, left = 0 },
        { at = now - 90, left = 0 } } })
    for y in html:gmatch "[ML]%d+ (%-?%d+)" do
      assert.is_true(tonumber(y) >= 0 and tonumber(y) <= 100, y)
    end
  end)

  it("escapes every text of others", function()
    for _, name in ipairs(snapshots.hostile) do
      local snapshot = snapshots.of { snapshots.account { name = name,
        provider = name, unit = name, state = "refused",
        failure = { kind = name, message = name, hint = name },
        undelivered = { { event = name, alarm = "x", message = name } },
      } }
      snapshot.problem = name
      local html = report.page(snapshot)
      html = html:gsub("<style>.-</style>", ""):gsub("<svg.-</svg>", "")
      assert.is_nil(html:find("<script", 1, true))
      assert.is_nil(html:find("onload=alert(1)>", 1, true))
      assert.is_nil(html:find "[%z\1-\9\11-\31\255]")
      for tag in html:gmatch "<(/?%l[%w]*)" do
        assert.is_not_equal("svg", tag)
      end
    end
  end)

  it("is small, also for many accounts with full histories", function()
    local accounts = {}
    for i = 1, 20 do
      local history = {}
      for j = 1, 672 do
        history[j] = { at = snapshots.now - (673 - j) * 900, left = 5000 - j }
      end
      accounts[i] = snapshots.account { name = "a" .. i, history = history }
    end
    local html = report.page(snapshots.of(accounts))
    assert.is_true(#html < 80 * 1024, #html)
    local _, points = html:match('<path class="line" d="([^"]*)"')
      :gsub("[ML]", "")
    assert.is_true(points <= 169, points)
  end)

  it("says that no account is watched", function()
    assert.is_truthy(page_of():find("No account is watched.", 1, true))
  end)
end)
