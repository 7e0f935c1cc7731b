-- SPDX-License-Identifier: MIT
--
-- An alarm for cron: says which balance is under its threshold.
--
--   lua low_balance.lua                      the thresholds below
--   lua low_balance.lua udio=100 tencent=50000      only these
--
-- A threshold is a number of credits, for Tencent of cents. The keys come from
-- the environment. Each balance gets one line: on standard output if it is
-- fine, else on standard error, so that `>/dev/null` in a crontab leaves the
-- alarms. The exit status:
--
--   0  every balance is known, and none is under its threshold
--   1  every balance is known, and at least one is under its threshold
--   2  at least one is not known, or the arguments are wrong
--
-- An unknown balance is not 0, but it is a problem too.
local balance = require "balance"

local thresholds = { "tempolor=100", "udio=50", "tencent=100000" }

local known = { tempolor = true, udio = true, tencent = true }

local function give_up(why)
  io.stderr:write("low_balance: ", why, "\n")
  os.exit(2)
end

-- All arguments are read before any service is asked.
local checks = {}
for i, text in ipairs(#arg > 0 and arg or thresholds) do
  local name, number = text:match("^(%l+)=(%-?%d+%.?%d*)$")
  if not name then
    give_up(("'%s' should look like udio=100"):format(text))
  elseif not known[name] then
    give_up(("'%s' is not tempolor, udio or tencent"):format(name))
  end
  checks[i] = { name = name, threshold = number }
end

local status = 0
for _, check in ipairs(checks) do
  local result, err = balance[check.name]()
  if not result then
    io.stderr:write("UNKNOWN ", tostring(err), "\n")
    status = 2
  else
    local low = result.available < tonumber(check.threshold)
    local stream = low and io.stderr or io.stdout
    stream:write(("%-7s %s: %s %ss, threshold %s\n"):format(
      low and "LOW" or "ok", check.name, tostring(result.available),
      result.unit, check.threshold))
    if low then
      status = math.max(status, 1)
    end
  end
end
os.exit(status, true) -- true: close the connections too
