-- SPDX-License-Identifier: MIT
--- Row 2: a warm call over a kept TLS connection, beside a libcurl easy
-- handle in C that is used again and again and counts bytes.
local measure = require "bench.measure"
local report = require "bench.report"

local rounds, count, aim = 21, 200, { most = 1.1 }

for _, lua in ipairs { "lua5.4", "luajit" } do
  for _, protocol in ipairs(measure.protocols) do
    local ours = measure.start(measure.lua(lua, "call.lua",
      protocol.endpoint, protocol.word), count)
    local peer = measure.start(measure.program("easy_loop",
      protocol.endpoint), count)
    measure.alternate(rounds, { ours, peer })
    local what = ("warm udio(), %s, %s, "):format(lua, protocol.name)
    local beside = "a loop of curl_easy_perform in C"
    report.compare(2, what .. "wall", beside, ours.wall, peer.wall, aim)
    report.compare(2, what .. "CPU", beside, ours.cpu, peer.cpu, aim)
  end
end
