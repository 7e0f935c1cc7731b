-- SPDX-License-Identifier: MIT
--- Warm calls of balance.udio() to an endpoint.
local balance = require "balance"
local options = { endpoint = arg[1] }

require "bench.sides.rounds"(function()
  assert(balance.udio(options))
end)
