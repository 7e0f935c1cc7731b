-- SPDX-License-Identifier: MIT
--- Lines for a warm call of balance.udio() over a kept TLS connection, in wall
-- time and in CPU. `peer(endpoint)` is the command of what stands `beside` it;
-- `aims` may have one for each of the two, `wall` and `cpu`.
local measure = require "bench.measure"
local report = require "bench.report"

local rounds, count = 21, 200

return function(row, lua, beside, peer, aims)
  aims = aims or {}
  for _, protocol in ipairs(measure.protocols) do
    local ours, theirs
    measure.on_one_processor(function()
      ours = measure.start(measure.lua(lua, "call.lua", protocol.endpoint,
        protocol.word), count)
      theirs = measure.start(peer(protocol.endpoint), count)
      measure.alternate(rounds, { ours, theirs })
    end)
    local what = ("warm udio(), %s, %s, "):format(lua, protocol.name)
    report.compare(row, what .. "wall", beside, ours.wall, theirs.wall,
      aims.wall)
    report.compare(row, what .. "CPU", beside, ours.cpu, theirs.cpu,
      aims.cpu)
  end
end
