-- SPDX-License-Identifier: MIT
--
-- Three balances, and what to do about a failure. The keys come from the
-- environment:
--
--   export TEMPOLOR_API_KEY=... UDIO_API_KEY=...
--   export TENCENTCLOUD_SECRET_ID=... TENCENTCLOUD_SECRET_KEY=...
--   lua quickstart.lua
local balance = require "balance"

local failed = false

-- A failure is a table; tostring makes one line of it, without any key.
local function report(err)
  failed = true
  io.stderr:write(tostring(err), "\n")
  if err.kind == "config" then
    io.stderr:write("  nothing was sent: put that right first\n")
  elseif err.retryable then
    io.stderr:write("  asking again later can help\n")
  end
end

local tempolor, err = balance.tempolor()
if tempolor then
  print("TemPolor", tempolor.balance)
else
  report(err)
end

local udio
udio, err = balance.udio()
if udio then
  -- The service does not always say how many are used.
  print("Udio", udio.credits, (udio.used_credits or "?") .. " used")
else
  report(err)
end

-- Every call takes its options in a table.
local tencent
tencent, err = balance.tencent { temp_credit = true, timeout = 5 }
if tencent then
  -- `available` is what can still be spent, here with the credit line.
  -- Amounts are in cents.
  print("Tencent", ("%.2f"):format(tencent.available / 100))
  for _, limit in ipairs(tencent.TempAmountInfoList or {}) do
    print("", ("%.2f"):format((limit.TempAmount or 0) / 100)
      .. " until " .. (limit.EndTime or "?"))
  end
else
  report(err)
end

if failed then
  os.exit(1)
end
