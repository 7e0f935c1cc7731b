-- SPDX-License-Identifier: MIT
--- balance.all of so many accounts.
--
-- all.lua ORIGIN ACCOUNTS DELAY http1|http2    the delay is that of the
-- answers, milliseconds
local balance = require "balance"
local origin, count, delay = arg[1], tonumber(arg[2]), arg[3]

require "bench.sides.slow"(delay)

local accounts = {}
for i = 1, count do
  accounts["account" .. i] = { provider = delay == "0" and "udio" or "slow",
    endpoint = origin, timeout = 300, connect_timeout = 60, retries = 0,
    http2 = arg[4] == "http2" }
end

require "bench.sides.rounds"(function()
  local results, failures = balance.all(accounts)
  local _, failure = next(failures)
  assert(not failure, tostring(failure))
  local _, result = next(results)
  assert(result.available == 195)
end)
