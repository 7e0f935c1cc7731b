-- SPDX-License-Identifier: MIT
--- Row 8: what `require "balance"` takes, beside `require "cjson"`: a process
-- that does nothing else, less one that does nothing.
local measure = require "bench.measure"
local report = require "bench.report"
local stats = require "bench.stats"

local rounds, count = 21, 5

for _, lua in ipairs { "lua5.4", "luajit" } do
  local sides = {}
  for i, code in ipairs { "", "require \"balance\"", "require \"cjson\"" } do
    sides[i] = measure.start(("LUA_CPATH='build/%s/?.so;;' %s %s -e '%s'")
      :format(lua, measure.program "spawn", lua, code), count)
  end
  measure.alternate(rounds, sides)
  local bare, ours, peer = sides[1], sides[2], sides[3]
  for _, clock in ipairs { "wall", "cpu" } do
    report.compare(8, ("require \"balance\", %s, %s"):format(lua,
      clock == "cpu" and "CPU" or clock), "require \"cjson\"",
      stats.differences(ours[clock], bare[clock]),
      stats.differences(peer[clock], bare[clock]))
  end
end
