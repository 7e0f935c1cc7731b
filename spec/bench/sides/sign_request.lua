-- SPDX-License-Identifier: MIT
--- What sign.lua, sign_luaossl.lua and sign_floor.c sign.
return {
  secret_id = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
  secret_key = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
  service = "billing", host = "billing.intl.tencentcloudapi.com",
  action = "DescribeAccountBalance", version = "2018-07-09", payload = "{}",
  timestamp = 1551113065,
}
