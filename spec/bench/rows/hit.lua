-- SPDX-License-Identifier: MIT
--- Row 10: a call that the cache answers, beside a warm call over TLS.
local measure = require "bench.measure"
local report = require "bench.report"

local rounds, hits, calls = 21, 2000, 200

for _, lua in ipairs { "lua5.4", "luajit" } do
  local protocol = measure.protocols[1]
  local ours, theirs
  measure.on_one_processor(function()
    ours = measure.start(measure.lua(lua, "hit.lua", protocol.endpoint), hits)
    theirs = measure.start(measure.lua(lua, "call.lua", protocol.endpoint,
      protocol.word), calls)
    measure.alternate(rounds, { ours, theirs })
  end)
  local what = "udio() from the cache, " .. lua .. ", CPU"
  report.compare(10, what, "a warm call, " .. protocol.name, ours.cpu,
    theirs.cpu, { most = 0.1 })
  report.value(10, what, "", report.median(ours.cpu), "", ours.cpu,
    report.seconds, { most = 6e-6 })
end
