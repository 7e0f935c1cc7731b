-- SPDX-License-Identifier: MIT
--- Warm calls of balance.udio() to an endpoint.
--
-- call.lua ORIGIN http1|http2
local balance = require "balance"
local options = { endpoint = arg[1], http2 = arg[2] == "http2" }

require "bench.sides.rounds"(function()
  assert(balance.udio(options))
end)
