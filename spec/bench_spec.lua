-- SPDX-License-Identifier: MIT
--- How `make bench` reports its numbers. The speed itself is not checked.
local stats = require "bench.stats"

describe("the benchmarks' statistics", function()
  local function spread(list)
    local found = stats.spread(list)
    return { found.low, found.median, found.high }
  end

  it("give the median, and the quartiles on both sides of it", function()
    assert.same({ 2, 3, 4 }, spread { 5, 1, 4, 2, 3 })
    assert.same({ 1.75, 2.5, 3.25 }, spread { 4, 3, 2, 1 })
    assert.same({ 7, 7, 7 }, spread { 7 })
  end)

  it("are not moved by one round that was disturbed", function()
    assert.same({ 2, 3, 4 }, spread { 1, 2, 3, 4, 1000 })
  end)

  it("leave the rounds in their order", function()
    local list = { 3, 1, 2 }
    stats.spread(list)
    assert.same({ 3, 1, 2 }, list)
  end)

  it("compare round by round", function()
    assert.same({ 2, 3 }, stats.ratios({ 4, 9 }, { 2, 3 }))
    assert.same({ 2, 6 }, stats.differences({ 4, 9 }, { 2, 3 }))
  end)

  it("do not compare what was not measured side by side", function()
    assert.has_error(function() stats.ratios({ 1, 2 }, { 1 }) end,
      "not measured side by side")
  end)
end)
