-- SPDX-License-Identifier: MIT
--- Calls of balance.udio() that the cache answers, from a store in the process.
--
-- hit.lua ORIGIN
local balance = require "balance"
local client = balance.new { cache = { ttl = 3600 } }
local options = { endpoint = arg[1], api_key = os.getenv "UDIO_API_KEY" }

assert(client.udio(options))

require "bench.sides.rounds"(function()
  assert(client.udio(options).cached)
end)
