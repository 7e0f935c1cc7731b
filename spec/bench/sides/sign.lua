-- SPDX-License-Identifier: MIT
--- balance.tc3.sign.
local request = require "bench.sides.sign_request"
local sign = require("balance").tc3.sign

require "bench.sides.rounds"(function()
  sign(request)
end, sign(request).Authorization)
