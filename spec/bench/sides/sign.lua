-- SPDX-License-Identifier: MIT
--- balance.tc3.sign of the request that sign_floor.c and sign_luaossl.lua sign.
local sign = require("balance").tc3.sign

local request = {
  secret_id = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
  secret_key = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
  service = "billing", host = "billing.intl.tencentcloudapi.com",
  action = "DescribeAccountBalance", version = "2018-07-09", payload = "{}",
  timestamp = 1551113065,
}

require "bench.sides.rounds"(function()
  sign(request)
end, sign(request).Authorization)
