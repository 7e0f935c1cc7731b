-- SPDX-License-Identifier: MIT
--- Row 1: one signature, beside the least that it can cost and beside plain
-- Lua with luaossl. All sign the same request, and their results are compared.
local measure = require "bench.measure"
local report = require "bench.report"

local rounds = 21

for _, lua in ipairs { "lua5.4", "luajit" } do
  local ours = measure.start(measure.lua(lua, "sign.lua"), 5000)
  local floor = measure.start(measure.program "sign_floor", 5000)
  local sides = { ours, floor }
  local plain
  if measure.works(lua .. " -e 'require \"openssl.hmac\"'") then
    plain = measure.start(measure.lua(lua, "sign_luaossl.lua"), 300)
    sides[3] = plain
  end
  local signature = ours.line()
  for _, side in ipairs(sides) do
    assert(side == ours or side.line() == signature, "signed otherwise")
  end

  measure.alternate(rounds, sides)
  local what = "tc3.sign, " .. lua
  report.value(1, what, "", report.median(ours.cpu), "", ours.cpu,
    report.seconds, { most = 2.5e-6 })
  report.compare(1, what, "the floor, in C", ours.cpu, floor.cpu)
  if plain then
    report.compare(1, what, "in Lua with luaossl (theirs : ours)", ours.cpu,
      plain.cpu, { least = 8, inverse = true })
  else
    report.skip(1, what, "luaossl", "it is not installed")
  end
end
