-- SPDX-License-Identifier: MIT
--- Row 6: what one of so many calls costs, beside one of ten.
local measure = require "bench.measure"
local report = require "bench.report"

local base = 10

-- So many accounts, how often a round asks all of them, and at most how many
-- times what one of ten costs.
local steps = { { 1, 300 }, { 100, 5, 1.2 }, { 1000, 1, 1.2 },
  { 10000, 1, 1.3 } }

local function start(protocol, accounts, times)
  return measure.start(measure.lua("lua5.4", "all.lua", protocol.endpoint,
    accounts, 0, protocol.word), times)
end

local function per_call(list, accounts)
  local each = {}
  for i, seconds in ipairs(list) do
    each[i] = seconds / accounts
  end
  return each
end

for _, protocol in ipairs(measure.protocols) do
  for _, step in ipairs(steps) do
    local accounts, times = step[1], step[2]
    local aim = step[3] and { most = step[3] }
    local ten = start(protocol, base, 50)
    local many = start(protocol, accounts, times)
    measure.alternate(accounts < 10000 and 9 or 3, { many, ten })
    local what = ("a call of all of %d, %s, "):format(accounts, protocol.name)
    local beside = ("one of all of %d"):format(base)
    for _, clock in ipairs { "CPU", "wall" } do
      local key = clock:lower()
      report.compare(6, what .. clock, beside, per_call(many[key], accounts),
        per_call(ten[key], base), aim)
    end
  end
end
