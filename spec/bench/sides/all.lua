-- SPDX-License-Identifier: MIT
--- balance.all of so many accounts.
--
-- all.lua ORIGIN ACCOUNTS DELAY    that of the answers, milliseconds
local balance = require "balance"
local udio = require "balance.provider.udio"
local origin, count, delay = arg[1], tonumber(arg[2]), arg[3]

local slow = {}
for name, value in pairs(udio) do
  slow[name] = value
end
slow.name = "slow"
function slow.request(config)
  local request = udio.request(config)
  request.headers = { ["X-Sandbox-Delay"] = delay }
  return request
end
balance.register(slow)

local accounts = {}
for i = 1, count do
  accounts["account" .. i] = { provider = delay == "0" and "udio" or "slow",
    endpoint = origin, timeout = 300, connect_timeout = 60, retries = 0 }
end

require "bench.sides.rounds"(function()
  local results, failures = balance.all(accounts)
  local _, failure = next(failures)
  assert(not failure, tostring(failure))
  local _, result = next(results)
  assert(result.available == 195)
end)
