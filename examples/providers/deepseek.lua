-- SPDX-License-Identifier: MIT
-- DeepSeek, GET /user/balance. The key: DEEPSEEK_API_KEY.
--
--   local balance = require "balance"
--   balance.register(require "deepseek")
--   print(balance.deepseek().available)
local balance = require "balance"

-- An account has a balance for each currency. The first that is not empty is
-- what can be spent; all of them are in `balance_infos`.
local function choose(infos)
  for place, info in ipairs(infos) do
    if (balance.amount(info.total_balance) or 0) > 0 then
      return place, info
    end
  end
  return 1, infos[1]
end

return {
  name = "deepseek",
  unit = "CNY",
  endpoint = "https://api.deepseek.com",
  endpoint_variable = "DEEPSEEK_ENDPOINT",
  credentials = { { name = "api_key", variable = "DEEPSEEK_API_KEY" } },

  request = function(config)
    return { path = "/user/balance", scheme = "Bearer",
      authorization = config.api_key }
  end,

  read = function(status, body)
    if status ~= 200 or not body or not body.balance_infos then
      return nil -- by the status
    end
    local place, info = choose(body.balance_infos)
    if not info then
      return nil, "the account has no balance in any currency"
    end
    return {
      available = info.total_balance, unit = info.currency,
      available_from = ("balance_infos[%d].total_balance"):format(place),
      balance_infos = body.balance_infos, is_available = body.is_available,
    }
  end,
}
